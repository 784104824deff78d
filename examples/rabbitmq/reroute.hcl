# Sends orders through a check and back, without touching who sends or who takes
# them. The check is a program of its own, in any language: it takes from
# orders.check, and publishes what is in order to orders.checked.
#
#   eipd run reroute.hcl --broker amqp://guest:guest@localhost:5672/ --var check=true

variable "check" {
  description = "true: orders go through the check"
  type        = bool
  default     = false
}

queue "orders" {}

queue "out" { address = "orders.out" }

queue "check" { address = "orders.check" }

queue "checked" { address = "orders.checked" }

flow "orders" {
  from = queue.orders

  detour "check" {
    enabled = var.check
    to      = queue.check
  }
  to = queue.out
}

# Runs also while the check is off: what is under way comes back.
flow "checked" {
  from = queue.checked
  to   = queue.out
}
