# Tells a topic about each order, under a key that its subscribers select by, and
# goes on with the order.
#
# Input:
#   {"id": 1, "region": "eu"}
#   {"id": 2, "region": "us"}
#
# Unordered output:
#   accepted 1
#   accepted 2
#   Europe heard of 1

topic "new_order" {}
adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  send {
    to  = topic.new_order
    key = "'orders.' + body.region"
  }
  transform { body = "'accepted ' + string(body.id)" }
  to = adapter.in
}

flow "europe" {
  from    = topic.new_order
  pattern = "orders.eu"
  transform { body = "'Europe heard of ' + string(body.id)" }
  to = adapter.in
}
