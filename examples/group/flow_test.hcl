test "the front takes an order" {
  flows = ["take"]

  send "adapter.in" { body = { id = 1 } }

  expect "queue.orders" {
    message { unchanged = true }
  }
}

test "the back works on it" {
  flows = ["work"]

  send "queue.orders" { body = { id = 1 } }

  expect "adapter.in" {
    message { text = "order 1" }
  }
}

test "an order waits while the queue is broken" {
  flows = ["take"]
  fault "queue.orders" {
    error = "connection refused"
    times = 2
  }

  send "adapter.in" { body = { id = 1 } }

  expect "queue.orders" { count = 1 }
  expect "flow.take" { retried = 2 }
}
