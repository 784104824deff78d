test "what is purged never comes" {
  command "stop" { target = "orders" }
  send "queue.orders" { body = { id = 1 } }
  command "purge" {
    target = "queue.orders"
    args   = { confirm = "queue.orders" }
  }
  command "start" { target = "orders" }
  send "queue.orders" { body = { id = 2 } }

  expect "queue.work" {
    message { body = { id = 2 } }
  }
}
