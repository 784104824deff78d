test "an order goes on when its last line has come" {
  send "adapter.in" { body = { order = 7, line = 2, of = 2, item = "rice" } }
  send "adapter.in" { body = { order = 8, line = 1, of = 1, item = "salt" } }
  send "adapter.in" { body = { order = 7, line = 1, of = 2, item = "tea" } }

  expect "adapter.in" {
    message { body = { order = 8, items = ["salt"] } }
    message { body = { order = 7, items = ["rice", "tea"] } }
  }
}

test "a line that comes twice is in its order once" {
  send "adapter.in" {
    body  = { order = 7, line = 1, of = 2, item = "tea" }
    count = 2
  }
  send "adapter.in" { body = { order = 7, line = 2, of = 2, item = "rice" } }

  expect "adapter.in" {
    message { body = { order = 7, items = ["tea", "rice"] } }
  }
}

test "what there is of an order is a dead letter after five minutes" {
  send "adapter.in" { body = { order = 7, line = 1, of = 2, item = "tea" } }

  advance "4m59s" {}
  expect "dead_letters.orders" { count = 0 }

  advance "1s" {}
  expect "dead_letters.orders" {
    stage = "orders.aggregator"
    message { body = { order = 7, items = ["tea"] } }
  }
}

test "no order that has begun is lost in a crash" {
  broker = "embedded"

  send "adapter.in" { body = { order = 7, line = 1, of = 2, item = "tea" } }
  settle {}
  restart {}
  send "adapter.in" { body = { order = 7, line = 2, of = 2, item = "rice" } }

  expect "adapter.in" {
    message { body = { order = 7, items = ["tea", "rice"] } }
  }
}
