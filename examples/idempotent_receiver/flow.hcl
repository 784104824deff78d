# Passes each order on once, however often its sender repeats it. What was seen is on
# disk, and outlasts a restart.
#
# Input:
#   {"order": 17, "item": "tea"}
#   {"order": 18, "item": "milk"}
#   {"order": 17, "item": "tea"}
#   {"order": 19, "item": "sugar"}
#   {"order": 18, "item": "milk"}
#
# Output:
#   {"order": 17, "item": "tea"}
#   {"order": 18, "item": "milk"}
#   {"order": 19, "item": "sugar"}

adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  idempotent_receiver {
    key      = "body.order"
    remember = "168h"
  }
  to = adapter.in
}
