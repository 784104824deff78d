test "an order passes while the program works" {
  stub "orders.circuit_breaker.exec" { body = "''" }

  send "adapter.in" { body = { id = 1 } }

  expect "adapter.in" {
    message { unchanged = true }
  }
}

test "after a failure the program is not asked for an hour" {
  stub "orders.circuit_breaker.exec" { body = "''" }
  fault "orders.circuit_breaker.exec" {
    error = "exit status 1"
    times = 1
  }

  send "adapter.in" { body = { id = 1 } }
  expect "adapter.in" {
    message { text = "order 1 without a price" }
  }

  advance "59m" {}
  send "adapter.in" { body = { id = 2 } }
  expect "adapter.in" {
    message { text = "order 2 without a price" }
  }

  advance "1m" {}
  send "adapter.in" { body = { id = 3 } }
  expect "adapter.in" {
    message { body = { id = 3 } }
  }
}

test "what cannot do without a price either is invalid" {
  stub "orders.circuit_breaker.exec" { body = "''" }
  fault "orders.circuit_breaker.exec" { error = "exit status 1" }

  send "adapter.in" { body = "hello" }

  expect "invalid.orders" {
    message { unchanged = true }
  }
}
