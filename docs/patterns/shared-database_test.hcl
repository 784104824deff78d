test "an order becomes a row" {
  stub "orders.insert" { body = "''" }
  send "adapter.in" { body = { id = 7, article = "pen" } }

  expect "stage.orders.insert" { received = 1 }
}
