test "an order is worked on once" {
  send "queue.orders" {
    body  = { order = 17, item = "tea" }
    count = 2
  }
  send "queue.orders" { body = { order = 18, item = "milk" } }

  expect "adapter.work" {
    message { body = { order = 17, item = "tea" } }
    message { body = { order = 18, item = "milk" } }
  }
}

test "an order that failed may come again" {
  fault "adapter.work" {
    error = "disk full"
    times = 1
  }
  send "queue.orders" { body = { order = 17, item = "tea" } }

  expect "adapter.work" { count = 1 }
}
