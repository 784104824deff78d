test "an order passes once, and others pass too" {
  send "adapter.in" {
    body  = { order = 17, item = "tea" }
    count = 3
  }
  send "adapter.in" { body = { order = 18, item = "milk" } }

  expect "adapter.in" {
    message { body = { order = 17, item = "tea" } }
    message { body = { order = 18, item = "milk" } }
  }
  expect "flow.orders" { dropped = 2 }
}

test "after a week it passes again" {
  send "adapter.in" { body = { order = 17, item = "tea" } }
  advance "167h" {}
  send "adapter.in" { body = { order = 17, item = "tea" } }
  expect "adapter.in" { count = 1 }

  advance "2h" {}
  send "adapter.in" { body = { order = 17, item = "tea" } }
  expect "adapter.in" { count = 2 }
}

test "an order that failed may come again" {
  fault "adapter.in" {
    error = "disk full"
    times = 1
  }
  send "adapter.in" { body = { order = 17, item = "tea" } }

  expect "adapter.in" { count = 1 }
  expect "flow.orders" { retried = 1 }
}

test "what was seen outlasts a crash" {
  broker = "embedded"

  send "adapter.in" { body = { order = 17, item = "tea" } }
  settle {}
  restart {}
  send "adapter.in" { body = { order = 17, item = "tea" } }

  expect "adapter.in" { count = 1 }
}

test "an order without a number is invalid" {
  send "adapter.in" { body = { item = "tea" } }

  expect "invalid.orders" {
    message { unchanged = true }
  }
}
