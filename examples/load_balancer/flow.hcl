# Spreads orders over two queues, so that all of one customer go to the same.
#
# Input:
#   {"id": 1, "customer": "ada"}
#   {"id": 2, "customer": "alan"}
#   {"id": 3, "customer": "ada"}
#   {"id": 4, "customer": "grace"}
#
# Unordered output:
#   left has order 1 of ada
#   left has order 3 of ada
#   right has order 2 of alan
#   right has order 4 of grace

queue "left" {}
queue "right" {}
adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  load_balancer {
    to       = [queue.left, queue.right]
    strategy = "sticky"
    key      = "body.customer"
  }
}

flow "work" {
  from = [queue.left, queue.right]
  transform { body = "message.channel + ' has order ' + string(body.id) + ' of ' + body.customer" }
  to = adapter.in
}
