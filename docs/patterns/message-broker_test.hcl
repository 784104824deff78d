test "a paid order goes to who is interested" {
  send "queue.orders" { body = { id = 1, items = ["tea"], paid = true } }

  expect "queue.warehouse" {
    message { body = { id = 1, items = ["tea"] } }
  }
  expect "queue.accounts" {
    message { unchanged = true }
  }
}

test "any other goes to the accounts alone" {
  send "queue.orders" { body = { id = 2, items = ["tea"], paid = false } }

  expect "queue.accounts" {
    message { unchanged = true }
  }
}
