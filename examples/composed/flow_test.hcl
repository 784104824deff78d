test "each line is priced by its service, and the order is put together again" {
  send "adapter.orders" {
    body = {
      order = 7
      lines = [{ kind = "book", quantity = 3 }, { kind = "fish", quantity = 2 }]
    }
  }

  expect "adapter.orders" {
    message { body = { order = 7, lines = [30, 14], total = 44 } }
  }
  expect "stage.orders.lines.each.content_router" {
    branches = { book = 1, otherwise = 1 }
  }
}

test "an order without lines costs nothing" {
  send "adapter.orders" { body = { order = 8, lines = [] } }

  expect "adapter.orders" {
    message { body = { order = 8, lines = [], total = 0 } }
  }
}

test "a service that is late has the whole order fail" {
  flows = ["orders"]
  service "queue.fish" {
    body  = "14"
    delay = "31s"
  }

  send "adapter.orders" {
    body = { order = 7, lines = [{ kind = "fish", quantity = 2 }] }
  }

  expect "dead_letters.orders" {
    message { unchanged = true }
  }
}
