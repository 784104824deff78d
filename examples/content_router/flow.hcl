# Sends each order the way of the first branch that it fits. A message that is no
# order fits none, and an expression that reads it fails: it is an invalid message.
#
# Input:
#   {"id": 1, "total": 2000, "region": "eu"}
#   {"id": 2, "total": 2000, "region": "us", "gift": true}
#   {"id": 3, "total": 10, "region": "eu"}
#   not an order
#
# Unordered output:
#   big in Europe: 1
#   a gift: 2
#   the rest: 3
#   invalid: not an order

variable "threshold" {
  default = 1000
}

queue "big_eu" {}
queue "invalid" {}
adapter "stdio" "in" {}

flow "orders" {
  from            = adapter.in
  invalid_message = queue.invalid

  content_router {
    when "big_eu" {
      if = "body.total > ${var.threshold} && body.region == 'eu'"
      to = queue.big_eu
    }
    when "gift" {
      if = "body.gift == true"
      transform { body = "'a gift: ' + string(body.id)" }
      to = adapter.in
    }
    otherwise {
      transform { body = "'the rest: ' + string(body.id)" }
      to = adapter.in
    }
  }
}

flow "big_eu" {
  from = queue.big_eu
  transform { body = "'big in Europe: ' + string(body.id)" }
  to = adapter.in
}

flow "invalid" {
  from = queue.invalid
  transform { body = "'invalid: ' + body" }
  to = adapter.in
}
