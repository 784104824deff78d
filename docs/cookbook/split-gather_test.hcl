suite { flows = ["order.hcl"] }

test "the lines of an order are priced" {
  send "adapter.orders" { body = { order = 7, lines = [{ item = "tea", quantity = 3 }, { item = "milk", quantity = 1 }] } }

  expect "adapter.orders" {
    message { body = { order = 7, total = 8, lines = [{ item = "tea", price = 6 }, { item = "milk", price = 2 }] } }
  }
}

test "an order of which one line cannot be priced fails as a whole" {
  ignore = ["invalid.prices"]

  send "adapter.orders" { body = { order = 7, lines = [{ item = "tea", quantity = 3 }, { item = "milk", quantity = "much" }] } }

  expect "dead_letters.orders" { count = 1 }
}
