# Each order names the departments that get a copy. A department that is not
# allowed makes the order invalid, and nobody gets it.
#
# Input:
#   {"id": 1, "for": ["billing", "stock"]}
#   {"id": 2, "for": ["billing", "safe"]}
#   {"id": 3, "for": ["stock"]}
#
# Unordered output:
#   billing got 1
#   stock got 1
#   stock got 3
#   refused 2

queue "billing" {}
queue "stock" {}
queue "refused" {}
adapter "stdio" "in" {}

flow "orders" {
  from            = adapter.in
  invalid_message = queue.refused
  recipient_list {
    recipients = "map(body.for, 'queue.' + #)"
    allow      = [queue.billing, queue.stock]
  }
}

flow "billing" {
  from = queue.billing
  transform { body = "'billing got ' + string(body.id)" }
  to = adapter.in
}

flow "stock" {
  from = queue.stock
  transform { body = "'stock got ' + string(body.id)" }
  to = adapter.in
}

flow "refused" {
  from = queue.refused
  transform { body = "'refused ' + string(body.id)" }
  to = adapter.in
}
