test "an order is taken out of its event" {
  send "adapter.in" {
    body = {
      specversion = "1.0"
      id          = "7"
      source      = "/shop"
      type        = "order.placed"
      tenant      = "blue"
      data        = { total = 12.5 }
    }
  }

  expect "adapter.in" {
    message {
      matches = "^order.placed 7 of blue, from /shop: "
      type    = "order.placed"
      headers = { tenant = "blue", source = "/shop" }
    }
  }
}

test "what is no event is invalid, and stays as it is" {
  send "adapter.in" { body = { total = 12.5 } }

  expect "invalid.orders" {
    stage = "orders.unwrap"
    message { unchanged = true }
  }
}
