suite { flows = ["watch.hcl"] }

test "a reply comes back as the service gave it" {
  service "queue.service" {
    body    = "{price: 3}"
    headers = { currency = "EUR" }
  }

  call "queue.prices" {
    body = { article = "pen" }
    reply {
      body    = { price = 3 }
      headers = { currency = "EUR" }
    }
  }
}

test "a question that nobody can answer is invalid" {
  send "queue.prices" { body = { article = "pen" } }

  expect "invalid.prices" { count = 1 }
}
