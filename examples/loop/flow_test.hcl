test "all pages are collected" {
  send "adapter.in" { body = { id = 1, next = "a", items = [] } }

  expect "adapter.in" {
    message { body = { id = 1, next = null, items = ["pen", "desk"] } }
  }
  expect "stage.orders.loop.request" { received = 2 }
}

test "one without a next page passes as it is" {
  send "adapter.in" { body = { id = 2, next = null, items = ["ink"] } }

  expect "adapter.in" {
    message { unchanged = true }
  }
  expect "stage.orders.loop.request" { received = 0 }
}

test "pages that lead round in a circle are invalid" {
  send "adapter.in" { body = { id = 3, next = "c", items = [] } }

  expect "invalid.orders" {
    stage = "orders.loop"
    error = "more than 10 times"
    message { unchanged = true }
  }
  expect "adapter.in" {
    message { text = "order 3 is invalid" }
  }
}

test "a page that does not come fails the order, which begins anew" {
  flows = ["orders"]
  stub "orders.loop.request" {
    reply { body = "{items: ['pen'], next: 'b'}" }
    reply { body = "{items: ['pen'], next: 'b'}" }
    reply { body = "{items: ['desk'], next: nil}" }
  }
  fault "orders.loop.request" {
    error = "no reply within 30s"
    times = 1
  }
  send "adapter.in" { body = { id = 1, next = "a", items = [] } }

  expect "adapter.in" {
    message { has = { id = 1 } }
  }
}
