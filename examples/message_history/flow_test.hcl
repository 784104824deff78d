test "an order notes what it has passed" {
  send "adapter.in" { body = { id = 1, total = 200 } }

  expect "adapter.in" {
    message { text = "order 1: shop > shop.valid > shop.tax" }
  }
}

test "one that is refused, how far it came" {
  send "adapter.in" { body = { id = 2, total = -5 } }

  expect "adapter.in" {
    message {
      text    = "order 2: shop > shop.valid"
      not_via = ["shop.tax"]
    }
  }
}

test "tax is added on the way" {
  flows = ["shop"]

  send "adapter.in" { body = { id = 1, total = 200 } }

  expect "queue.orders" {
    message { body = { id = 1, total = 240 } }
  }
}

test "an order without a total is invalid" {
  send "adapter.in" { body = { id = 3 } }

  expect "invalid.shop" {
    stage = "shop.valid"
    message { unchanged = true }
  }
}
