test "an order gets its price" {
  stub "orders.price" {
    body    = "{id: body.id, total: 40}"
    headers = { priced_by = "'a stub'" }
  }

  send "adapter.in" { body = { id = 1, items = [{ price = 20, count = 2 }] } }

  expect "adapter.in" {
    message { text = "order 1: 40, priced by a stub" }
  }
}

test "large orders are printed" {
  send "queue.large" { body = "2" }

  expect "adapter.in" {
    message { text = "large: 2" }
  }
}

test "an order that the worker cannot price is refused" {
  stub "orders.price" { body = "body" }
  fault "orders.price" {
    error   = "an order has items"
    invalid = true
  }

  send "adapter.in" { body = { id = 3, note = "hello" } }

  expect "invalid.orders" {
    stage = "orders.price"
    message { unchanged = true }
  }
  expect "adapter.in" {
    message { matches = "^refused: 3, .*an order has items" }
  }
}
