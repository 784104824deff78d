test "an order that comes twice is passed on once, also after a crash" {
  broker = "embedded"

  send "queue.orders" { body = { id = 1 } }
  settle {}
  restart {}
  send "queue.orders" { body = { id = 1 } }
  send "queue.orders" { body = { id = 2 } }

  expect "queue.work" {
    message { body = { id = 1 } }
    message { body = { id = 2 } }
  }
}
