# Puts the events of each account back in order, by their versions. What is missing
# for longer than the timeout is skipped.
#
# Input:
#   {"account": "kim", "version": 2, "event": "paid in 20"}
#   {"account": "lee", "version": 1, "event": "opened"}
#   {"account": "kim", "version": 1, "event": "opened"}
#   {"account": "lee", "version": 3, "event": "closed"}
#   {"account": "lee", "version": 2, "event": "paid out"}
#   {"account": "kim", "version": 3, "event": "paid out 5"}
#
# Unordered output:
#   kim 1: opened
#   kim 2: paid in 20
#   kim 3: paid out 5
#   lee 1: opened
#   lee 2: paid out
#   lee 3: closed

adapter "stdio" "in" {}

flow "events" {
  from = adapter.in
  resequencer {
    key     = "body.account"
    number  = "body.version"
    timeout = "1m"
  }
  transform { body = "body.account + ' ' + string(body.version) + ': ' + body.event" }
  to = adapter.in
}
