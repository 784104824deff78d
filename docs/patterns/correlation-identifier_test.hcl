test "steps of one order find each other" {
  send "adapter.io" { body = { order = 7, step = "placed" } }
  send "adapter.io" { body = { order = 8, step = "placed" } }
  send "adapter.io" { body = { order = 8, step = "paid" } }

  expect "adapter.io" {
    message { body = { about = "order-8", steps = ["placed", "paid"] } }
  }
}
