# Two programs that go on running price the orders, each one order at a time. The
# orders' identifiers tell the large ones apart, and one without items is invalid.
#
# Input:
#   {"id": 1, "items": [{"price": 20, "count": 2}]}
#   {"id": 2, "items": [{"price": 400, "count": 3}, {"price": 5, "count": 1}]}
#   {"id": 3, "note": "hello"}
#
# Unordered output:
#   order 1: 40, priced by a worker
#   order 2: 1205, priced by a worker
#   large: 2
#   refused: 3, orders.price: the worker failed: an order has items

variable "command" {
  default = ["python3", "orders.py"]
}

queue "large" {}
queue "refused" {}
adapter "stdio" "in" {}

flow "orders" {
  from            = adapter.in
  concurrency     = 2
  invalid_message = queue.refused
  processor "price" {
    command = var.command
    workers = 2
    allow   = [queue.large]
  }
  transform { body = "'order ' + string(body.id) + ': ' + string(body.total) + ', priced by ' + headers.priced_by" }
  to = adapter.in
}

flow "large" {
  from = queue.large
  transform { body = "'large: ' + string(body)" }
  to = adapter.in
}

flow "refused" {
  from = queue.refused
  transform { body = "'refused: ' + string(body.id) + ', ' + headers['eip-error']" }
  to = adapter.in
}
