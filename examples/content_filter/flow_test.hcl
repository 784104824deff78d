test "the warehouse sees neither card nor prices" {
  send "adapter.in" {
    body = {
      id       = 7
      total    = 12.5
      customer = { name = "Ada", card = "4111" }
      lines    = [{ sku = "pen", n = 2, price = 1.2 }]
    }
  }

  expect "adapter.in" {
    message {
      body = { id = 7, customer = { name = "Ada" }, lines = [{ sku = "pen", n = 2 }] }
    }
  }
}

test "what is not in the order is no trouble" {
  send "adapter.in" { body = { id = 8, total = 1 } }

  expect "adapter.in" {
    message { body = { id = 8 } }
  }
}

test "numbers stay as they were written" {
  send "adapter.in" { body_json = "{\"id\": 9007199254740993, \"total\": 1.50}" }

  expect "adapter.in" {
    message { text = "{\"id\": 9007199254740993}" }
  }
}

test "what is no JSON is invalid" {
  send "adapter.in" { body = "hello" }

  expect "invalid.orders" {
    message { text = "hello" }
  }
}
