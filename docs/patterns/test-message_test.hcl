test "an order becomes a line, with its tax" {
  send "queue.orders" { body = { id = 1, total = 10 } }

  expect "adapter.done" {
    message { body = { id = 1, total = 12 } }
  }
}

test "an order of nothing is dropped" {
  send "queue.orders" { body = { id = 2, total = 0 } }

  expect "adapter.done" { count = 0 }
}
