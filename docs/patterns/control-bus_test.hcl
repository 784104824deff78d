test "orders go unchecked until somebody has them checked" {
  send "queue.orders" { body = { total = -5 } }
  settle {}
  command "set" {
    target = "orders.check"
    args   = { enabled = true }
  }
  send "queue.orders" { body = { total = -6 } }
  send "queue.orders" { body = { total = 7 } }

  expect "queue.checked" {
    message { body = { total = -5 } }
    message { body = { total = 7 } }
  }
}
