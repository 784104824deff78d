suite {
  variables = { every = "10m", hours = "20:00-06:00" }
  time      = "2026-01-05T19:45:00Z"
}

test "no order is given by day, and two at a time by night" {
  send "queue.orders" {
    body  = { id = index }
    count = 3
  }

  advance "14m" {}
  expect "adapter.io" { count = 0 }
  expect "source.queue.orders" { left = 3 }

  advance "2m" {}
  expect "adapter.io" {
    message { text = "order 0" }
    message { text = "order 1" }
  }
  expect "source.queue.orders" { left = 1 }

  advance "10m" {}
  expect "adapter.io" {
    message { text = "order 2" }
  }
}

test "an order that fails is tried again between two polls" {
  time = "2026-01-05T20:00:00Z"

  fault "adapter.io" {
    error = "busy"
    times = 1
  }
  send "adapter.io" { body = { id = 1 } }

  expect "adapter.io" { count = 1 }
  expect "flow.give" { retried = 1 }
}

test "an order without a number is invalid" {
  time = "2026-01-05T20:00:00Z"

  send "adapter.io" { body = "hello" }

  expect "invalid.give" { count = 1 }
}
