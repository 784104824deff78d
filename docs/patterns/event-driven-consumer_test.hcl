test "an order is worked on when it comes" {
  send "queue.orders" { body = { id = 1 } }

  expect "adapter.done" {
    message { text = "order 1" }
  }
}
