# Two interceptors that flows know nothing of: one keeps orders of tests out wherever
# orders are read, the other one shows nobody a card's number, whatever sends to the
# audit.
#
# Input:
#   {"id": 1, "card": "4111111111111111"}
#   {"id": 2, "card": "4242424242424242", "test": true}
#   {"id": 3, "card": "5500005555555559"}
#
# Unordered output:
#   order 1
#   order 3
#   audit 1 ************1111
#   audit 3 ************5559

adapter "stdio" "in" {}
queue "orders" {}
queue "audit" {}

interceptor "no_tests" {
  on   = "receive"
  only = queue.orders
  filter { if = "body.test != true" }
}

interceptor "mask" {
  on   = "send"
  only = queue.audit
  transform { body = "{id: body.id, card: repeat('*', 12) + body.card[12:]}" }
}

flow "take" {
  from = adapter.in
  to   = queue.orders
}

flow "orders" {
  from = queue.orders
  wire_tap { to = queue.audit }
  transform { body = "'order ' + string(body.id)" }
  to = adapter.in
}

flow "audit" {
  from = queue.audit
  transform { body = "'audit ' + string(body.id) + ' ' + body.card" }
  to = adapter.in
}
