suite { flows = ["reroute.hcl"] }

test "orders go straight through" {
  send "queue.orders" { body = { id = 1 } }

  expect "queue.out" {
    message { unchanged = true }
  }
}

test "they go through the check while it is on" {
  variables = { check = true }

  send "queue.orders" { body = { id = 1 } }
  expect "queue.check" {
    message { unchanged = true }
  }

  send "queue.checked" { body = { id = 1 } }
  expect "queue.out" { count = 1 }
}

test "an order waits while the check cannot be reached" {
  variables = { check = true }
  fault "queue.check" {
    error = "connection refused"
    times = 2
  }
  send "queue.orders" { body = { id = 1 } }

  expect "queue.check" { count = 1 }
  expect "flow.orders" { retried = 2 }
}
