test "an invoice says all that there is to say" {
  send "adapter.io" { body = { order = 7, lines = [{ sku = "pen", price = 3 }, { sku = "ink", price = 4 }] } }

  expect "adapter.io" {
    message {
      type = "invoice"
      body = { number = 7, due = 7, lines = [{ sku = "pen", price = 3 }, { sku = "ink", price = 4 }] }
    }
  }
}
