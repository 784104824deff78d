test "all orders of a customer go to the same queue" {
  flows = ["orders"]
  each = {
    ada  = { customer = "ada", left = 3, right = 0 }
    alan = { customer = "alan", left = 0, right = 3 }
  }

  send "adapter.in" {
    body  = { id = index, customer = row.customer }
    count = 3
  }

  expect "queue.left" { count = row.left }
  expect "queue.right" { count = row.right }
}

test "orders are printed, with where they were" {
  flows = ["work"]

  send "queue.left" { body = { id = 1, customer = "ada" } }

  expect "adapter.in" {
    message { text = "left has order 1 of ada" }
  }
}

test "an order waits while its queue is broken" {
  flows = ["orders"]
  fault "queue.left" {
    error = "connection refused"
    times = 2
  }

  send "adapter.in" { body = { id = 1, customer = "ada" } }

  expect "queue.left" { count = 1 }
  expect "flow.orders" { retried = 2 }
}

test "an order of nobody is invalid" {
  flows = ["orders"]

  send "adapter.in" { body = { id = 1 } }

  expect "invalid.orders" {
    message { unchanged = true }
  }
}
