suite { flows = ["watch.hcl"] }

test "a reply comes back as the service gave it" {
  service "queue.service" {
    body    = "{price: 3}"
    headers = { currency = "'EUR'" }
  }

  call "queue.prices" {
    body = { article = "pen" }
    reply {
      body    = { price = 3 }
      headers = { currency = "EUR" }
    }
  }
}

test "a service that is slow is waited for" {
  service "queue.service" {
    body  = "{price: 3}"
    delay = "1m"
  }

  call "queue.prices" {
    body = { article = "pen" }
    reply { body = { price = 3 } }
  }
}

test "who asks and wants no reply is let through too" {
  service "queue.service" { body = "{price: 3}" }

  send "queue.prices" { body = { article = "pen" } }

  expect "stage.prices.smart_proxy" { received = 1 }
}
