# Gathers the lines of orders, which come in any order and some of them twice, and sends
# each order when all of its lines are there.
#
# Input:
#   {"order": 7, "line": 1, "of": 2, "item": "tea"}
#   {"order": 8, "line": 2, "of": 3, "item": "milk"}
#   {"order": 8, "line": 1, "of": 3, "item": "salt"}
#   {"order": 8, "line": 2, "of": 3, "item": "milk"}
#   {"order": 7, "line": 2, "of": 2, "item": "rice"}
#   {"order": 8, "line": 3, "of": 3, "item": "soap"}
#
# Output:
#   {"items":["tea","rice"],"order":7}
#   {"items":["milk","salt","soap"],"order":8}

adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  aggregator {
    key      = "body.order"
    part     = "body.line"
    complete = "group.count == body.of"
    timeout  = "5m"
    body     = "{order: group.first.body.order, items: map(group.messages, #.body.item)}"
  }
  to = adapter.in
}
