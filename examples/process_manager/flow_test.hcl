test "an order that is paid is shipped" {
  send "adapter.in" { body = { order = 1, event = "placed", item = "tea", total = 20 } }

  expect "adapter.in" {
    message { text = "order 1 is shipped" }
  }
}

test "an order whose payment is refused is cancelled, and its goods are free again" {
  send "adapter.in" { body = { order = 2, event = "placed", item = "rice", total = 9000 } }

  expect "adapter.in" {
    order = "any"
    message { text = "rice is free again" }
    message { text = "order 2 is cancelled" }
  }
}

test "an order whose payment fails is cancelled too" {
  fault "payments.reply" { error = "no line" }
  send "adapter.in" { body = { order = 7, event = "placed", item = "tea", total = 20 } }

  expect "adapter.in" {
    order = "any"
    message { text = "tea is free again" }
    message { text = "order 7 is cancelled" }
  }
}

test "a customer who does not pay has ten minutes" {
  flows = ["orders", "stock"]
  send "adapter.in" { body = { order = 3, event = "placed", item = "tea", total = 20 } }
  expect "queue.payments" {
    message { body = { order = "3", amount = 20 } }
  }

  advance "9m59s" {}
  expect "queue.released" { count = 0 }

  advance "1s" {}
  expect "queue.released" {
    message { text = "tea" }
  }
  expect "adapter.in" {
    message { text = "order 3 is cancelled" }
  }
}

test "who cancels while the payment is under way gets the goods released" {
  flows = ["orders", "stock"]
  send "adapter.in" { body = { order = 4, event = "placed", item = "tea", total = 20 } }
  expect "queue.payments" { count = 1 }
  send "adapter.in" { body = { order = 4, event = "cancel" } }

  expect "queue.released" { count = 1 }
  expect "adapter.in" {
    message { text = "order 4 is cancelled" }
  }
}

test "what no state takes is a dead letter" {
  send "adapter.in" { body = { order = 5, event = "cancel" } }

  expect "dead_letters.orders" {
    stage = "orders.order"
    message { unchanged = true }
  }
}

test "an order goes on after a crash, where it was" {
  broker = "embedded"
  flows  = ["orders", "stock"]

  send "adapter.in" { body = { order = 6, event = "placed", item = "tea", total = 20 } }
  expect "queue.payments" { count = 1 }
  restart {}
  advance "10m" {}

  expect "adapter.in" {
    message { text = "order 6 is cancelled" }
  }
  expect "queue.released" { count = 1 }
}
