# Passes on the orders that fit a JSON Schema. What does not fit is invalid, and says
# all that is wrong with it.
#
# Input:
#   {"id": 1, "lines": [{"sku": "pen", "quantity": 2}]}
#   {"id": "2", "lines": [{"sku": "ink", "quantity": 0}, {"quantity": 1}]}
#
# Unordered output:
#   {"id": 1, "lines": [{"sku": "pen", "quantity": 2}]}
#   orders.validate: the body does not fit schema order v1: body.id is a string, and should be an integer; body.lines[0].quantity should be 1 or more; body.lines[1].sku is missing

schema "order" {
  file    = "order.json"
  version = "v1"
}

queue "wrong" {}
adapter "stdio" "in" {}

flow "orders" {
  from            = adapter.in
  invalid_message = queue.wrong
  validate { schema = schema.order }
  to = adapter.in
}

flow "complaints" {
  from = queue.wrong
  transform { body = "headers['eip-error']" }
  to = adapter.in
}
