test "an order gets the price of its article" {
  send "adapter.in" { body = { id = 1, article = "pen" } }

  expect "adapter.in" {
    message { body = { id = 1, article = "pen", price = 2 } }
  }
}

test "all else is dear" {
  call "queue.prices" {
    body = { article = "desk" }
    reply { body = { price = 250 } }
  }
}

test "an order waits for a service that is slow" {
  flows = ["orders"]
  service "queue.prices" {
    body  = "{price: 3}"
    delay = "29s"
  }

  send "adapter.in" { body = { id = 1, article = "pen" } }

  expect "adapter.in" {
    message { body = { id = 1, article = "pen", price = 3 } }
  }
}

test "but not for ever" {
  flows = ["orders"]
  service "queue.prices" {
    body  = "{price: 3}"
    delay = "31s"
  }

  send "adapter.in" { body = { id = 1, article = "pen" } }

  expect "dead_letters.orders" {
    stage = "orders.request"
    message { unchanged = true }
  }
}
