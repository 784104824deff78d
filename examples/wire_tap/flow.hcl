# Copies orders of more than 1000 to an audit, which notes their number only. The
# orders themselves go on as they came.
#
# Input:
#   {"id": 1, "total": 200}
#   {"id": 2, "total": 5000}
#
# Unordered output:
#   {"id": 1, "total": 200}
#   {"id": 2, "total": 5000}
#   audit: order 2

adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  wire_tap "audit" {
    if = "body.total > 1000"
    transform { body = "'audit: order ' + string(body.id)" }
    to = adapter.in
  }
  to = adapter.in
}
