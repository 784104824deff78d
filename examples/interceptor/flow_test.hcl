test "an order is worked on, and the audit sees no card" {
  flows = ["take", "orders"]

  send "adapter.in" { body = { id = 1, card = "4111111111111111" } }

  expect "adapter.in" {
    message { text = "order 1" }
  }
  expect "queue.audit" {
    message { body = { id = 1, card = "************1111" } }
  }
}

test "an order of a test is not read" {
  send "adapter.in" { body = { id = 2, card = "4242424242424242", test = true } }

  expect "flow.orders" { dropped = 1 }
  expect "adapter.in" { count = 0 }
}

test "the audit is printed" {
  flows = ["audit"]

  send "queue.audit" { body = { id = 1, card = "************1111" } }

  expect "adapter.in" {
    message { text = "audit 1 ************1111" }
  }
}

test "an order that cannot be masked reaches no audit" {
  flows = ["take", "orders"]

  send "adapter.in" { body = { id = 3 } }

  expect "adapter.in" {
    message { text = "order 3" }
  }
  expect "queue.audit" { count = 0 }
}
