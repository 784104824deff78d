# Passes on what was paid for. The rest goes to a channel of its own; without
# discard_to it would be dropped.
#
# Input:
#   {"id": 1, "paid": true}
#   {"id": 2, "paid": false}
#   {"id": 3, "paid": true}
#
# Unordered output:
#   {"id": 1, "paid": true}
#   {"id": 3, "paid": true}
#   remind order 2

queue "unpaid" {}
adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  filter {
    if         = "body.paid"
    discard_to = queue.unpaid
  }
  to = adapter.in
}

flow "reminders" {
  from = queue.unpaid
  transform { body = "'remind order ' + string(body.id)" }
  to = adapter.in
}
