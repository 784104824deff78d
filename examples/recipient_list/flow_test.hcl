test "each department that an order names gets a copy" {
  flows = ["orders"]

  send "adapter.in" { body = { id = 1, for = ["billing", "stock"] } }

  expect "queue.billing" {
    message { unchanged = true }
  }
  expect "queue.stock" {
    message { unchanged = true }
  }
}

test "an order for nobody is invalid" {
  flows = ["orders"]

  send "adapter.in" { body = { id = 2, for = [] } }

  expect "invalid.orders" {
    error = "the list is empty"
    message { unchanged = true }
  }
}

test "a department that is not allowed has nobody get it" {
  send "adapter.in" { body = { id = 3, for = ["billing", "safe"] } }

  expect "invalid.orders" {
    error = "safe"
    message { unchanged = true }
  }
  expect "adapter.in" {
    message { text = "refused 3" }
  }
}

test "departments print what they got" {
  send "queue.billing" { body = { id = 1 } }
  send "queue.stock" { body = { id = 1 } }

  expect "adapter.in" {
    order = "any"
    message { text = "billing got 1" }
    message { text = "stock got 1" }
  }
}
