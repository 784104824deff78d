test "each order is done once" {
  send "queue.orders" {
    body  = { id = index }
    count = 3
  }

  expect "queue.done" {
    message { body = { order = 0, state = "done" } }
    message { body = { order = 1, state = "done" } }
    message { body = { order = 2, state = "done" } }
  }
}
