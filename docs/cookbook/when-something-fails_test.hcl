suite { flows = ["ship.hcl"] }

test "an order goes to the warehouse" {
  send "queue.orders" { body = { order = 1, total = 5 } }

  expect "adapter.warehouse" {
    message { body = { order = 1, total = 5 } }
  }
}

test "while the warehouse is away, orders are kept" {
  fault "adapter.warehouse" { error = "connection refused" }
  send "queue.orders" { body = { order = 2, total = 5 } }

  expect "dead_letters.ship" {
    message { body = { order = 2, total = 5 } }
  }
}
