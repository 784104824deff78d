test "an order becomes a line of what is due" {
  send "adapter.in" {
    body = {
      id     = 7
      items  = [{ name = "pen", price = 3 }, { name = "ink", price = 4 }]
      region = "eu"
    }
  }

  expect "adapter.in" {
    message {
      text    = "eu: order 7, pen and ink, 7 due"
      type    = "invoice"
      headers = { region = "eu" }
    }
  }
}

test "an order of nothing costs nothing" {
  send "adapter.in" { body = { id = 8, items = [], region = "us" } }

  expect "adapter.in" {
    message { text = "us: order 8, , 0 due" }
  }
}

test "an order without items is invalid, and stays as it was" {
  send "adapter.in" { body = { id = 9, region = "eu" } }

  expect "invalid.invoices" {
    message { unchanged = true }
  }
}
