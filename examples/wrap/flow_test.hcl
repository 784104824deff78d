test "an order becomes an event" {
  send "adapter.in" { body = { id = 7, total = 12.5 } }

  expect "adapter.in" {
    message {
      body = {
        specversion = "1.0"
        source      = "/shop"
        type        = "order.placed"
        tenant      = "blue"
        data        = { id = 7, total = 12.5 }
      }
    }
  }
}

test "so does what is no JSON" {
  send "adapter.in" { body = "hello" }

  expect "adapter.in" {
    message { has = { type = "order.placed", data = "hello" } }
  }
}
