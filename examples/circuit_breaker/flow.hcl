# Asks a program that does not work, and after the first failure nobody for an hour: the
# orders go on without what it knows. The first one does so at its second attempt.
#
# Input:
#   {"id": 1}
#   {"id": 2}
#   {"id": 3}
#
# Unordered output:
#   order 1 without a price
#   order 2 without a price
#   order 3 without a price

adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  circuit_breaker {
    failures = 1
    open     = "1h"
    exec { command = ["false"] }
    fallback {
      transform { body = "'order ' + string(body.id) + ' without a price'" }
    }
  }
  to = adapter.in
}
