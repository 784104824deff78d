test "an order passes the detour that is on, and not the one that is off" {
  send "adapter.in" { body = { id = 1, total = 200 } }

  expect "adapter.in" {
    message {
      unchanged = true
      via       = ["orders.validate"]
      not_via   = ["orders.debug"]
    }
  }
}

test "an order of nothing is refused" {
  send "adapter.in" { body = { id = 2, total = 0 } }

  expect "adapter.in" {
    message { text = "refused 2" }
  }
}

test "a command switches detours" {
  command "set" {
    target = "orders.validate"
    args   = { enabled = false }
  }
  command "set" {
    target = "orders.debug"
    args   = { enabled = true }
  }
  send "adapter.in" { body = { id = 2, total = 0 } }

  expect "adapter.in" {
    message { text = "debug: 2" }
  }
}

test "an order that cannot be checked is invalid" {
  send "adapter.in" { body = "hello" }

  expect "invalid.orders" {
    stage = "orders.validate.filter"
    message { unchanged = true }
  }
}
