test "what was paid for passes" {
  send "adapter.in" { body = { id = 1, paid = true } }

  expect "adapter.in" {
    message { unchanged = true }
  }
}

test "what was not is in a queue of its own" {
  flows = ["orders"]

  send "adapter.in" { body = { id = 2, paid = false } }

  expect "queue.unpaid" {
    message { unchanged = true }
  }
}

test "who has not paid is reminded" {
  flows = ["reminders"]

  send "queue.unpaid" { body = { id = 2, paid = false } }

  expect "adapter.in" {
    message { text = "remind order 2" }
  }
}

test "an order that says nothing of it is invalid, not unpaid" {
  send "adapter.in" { body = { id = 3 } }

  expect "invalid.orders" {
    stage = "orders.filter"
    message { unchanged = true }
  }
}
