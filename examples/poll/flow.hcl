# Gives orders to a system that takes few at a time: every so often, two of those that
# wait. With var.hours = "20:00-06:00" it does so at night only.
#
# Input:
#   {"id": 1}
#   {"id": 2}
#   {"id": 3}
#
# Output:
#   order 1
#   order 2
#   order 3

variable "every" { default = "200ms" }
variable "hours" { default = "00:00-24:00" }

queue "orders" {}
adapter "stdio" "io" {}

flow "take" {
  from = adapter.io
  to   = queue.orders
}

flow "give" {
  from = queue.orders
  poll {
    every   = var.every
    batch   = 2
    between = var.hours
  }
  transform { body = "'order ' + string(body.id)" }
  to = adapter.io
}
