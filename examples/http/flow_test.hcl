test "an order is taken" {
  send "adapter.orders" { body = { id = 7 } }

  expect "adapter.out" {
    message { text = "order 7" }
  }
}

test "a price is answered at once" {
  call "adapter.prices" {
    headers = { query = { item = "tea" } }
    reply {
      body = { item = "tea", price = 3 }
    }
  }
}

test "what we do not sell is not found" {
  call "adapter.prices" {
    headers = { query = { item = "gold" } }
    reply {
      text    = "no such item"
      headers = { http_status = 404 }
    }
  }
}

test "an order that is none is invalid" {
  send "adapter.orders" { body = "tea, please" }

  expect "invalid.orders" {
    message { unchanged = true }
  }
}
