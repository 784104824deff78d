test "an order goes to the file of its day" {
  send "adapter.in" { body = { day = "2026-03-01", id = 1 } }

  expect "adapter.orders" {
    at = "orders/2026-03-01.jsonl"
    message { unchanged = true }
  }
  expect "adapter.in" {
    message { text = "order 1 is for orders/2026-03-01.jsonl" }
  }
}

test "an order without a day goes nowhere" {
  send "adapter.in" { body = { id = 1 } }

  expect "invalid.orders" {
    stage = "orders.send"
    message { unchanged = true }
  }
}
