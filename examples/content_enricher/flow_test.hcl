test "an article is asked for once a minute" {
  flows = ["orders"]
  stub "orders.content_enricher.request" { body = "{price: 2}" }

  send "adapter.in" {
    body  = { id = 1, article = "pen" }
    count = 2
  }
  expect "adapter.in" {
    message { body = { id = 1, article = "pen", price = 2 } }
    message { body = { id = 1, article = "pen", price = 2 } }
  }
  expect "stage.orders.content_enricher.request" { received = 1 }

  advance "1m" {}
  send "adapter.in" { body = { id = 2, article = "pen" } }
  expect "adapter.in" {
    message { body = { id = 2, article = "pen", price = 2 } }
  }
  expect "stage.orders.content_enricher.request" { received = 2 }
}

test "an order without a price goes on, too" {
  send "adapter.in" { body = { id = 4, article = "yacht" } }

  expect "adapter.in" {
    message { body = { id = 4, article = "yacht", price = null } }
  }
}

test "when nobody answers, the order waits for a price among the dead letters" {
  flows = ["orders"]
  stub "orders.content_enricher.request" { body = "{price: 2}" }
  fault "orders.content_enricher.request" { error = "no reply within 30s" }

  send "adapter.in" { body = { id = 1, article = "pen" } }

  expect "dead_letters.orders" {
    stage = "orders.content_enricher.request"
    message { unchanged = true }
  }
}
