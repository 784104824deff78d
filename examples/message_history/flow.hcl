# A Message History: each order notes in a header which flows and stages it has
# passed. The last flow prints that: the second order was refused on the way.
#
# Input:
#   {"id": 1, "total": 200}
#   {"id": 2, "total": -5}
#
# Unordered output:
#   order 1: shop > shop.valid > shop.tax
#   order 2: shop > shop.valid

adapter "stdio" "in" {}
queue "orders" {}
queue "refused" {}

flow "shop" {
  from    = adapter.in
  history = true
  filter "valid" {
    if         = "body.total > 0"
    discard_to = queue.refused
  }
  transform "tax" { body = "{'id': body.id, 'total': body.total * 1.2}" }
  to = queue.orders
}

flow "show" {
  from = [queue.orders, queue.refused]
  transform { body = "'order ' + string(body.id) + ': ' + join(map(message.history, .address), ' > ')" }
  to = adapter.in
}
