test "an order that waited is shipped" {
  send "queue.orders" { body = { article = "pen" } }

  expect "adapter.out" {
    message { text = "ship pen" }
  }
}
