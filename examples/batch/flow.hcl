# Takes lines one by one, and passes them on three at a time.
#
# Input:
#   {"id": 1}
#   {"id": 2}
#   {"id": 3}
#   {"id": 4}
#
# Output:
#   {"rows":[1,2,3]}
#   {"rows":[4]}

adapter "stdio" "in" {}

flow "load" {
  from = adapter.in
  batch {
    size    = 3
    timeout = "200ms"
    body    = "{rows: map(group.messages, #.body.id)}"
  }
  to = adapter.in
}
