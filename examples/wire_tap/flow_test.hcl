test "a large order is audited, and goes on as it came" {
  send "adapter.in" { body = { id = 2, total = 1001 } }

  expect "adapter.in" {
    order = "any"
    message { text = "audit: order 2" }
    message { unchanged = true }
  }
}

test "any other only goes on" {
  send "adapter.in" { body = { id = 1, total = 1000 } }

  expect "adapter.in" {
    message { unchanged = true }
  }
}

test "a copy that fails costs no order" {
  fault "orders.audit.transform" { error = "out of ink" }
  send "adapter.in" { body = { id = 2, total = 5000 } }

  expect "adapter.in" {
    message { unchanged = true }
  }
}
