test "the topic hears of an order, under its region, and the order goes on" {
  flows = ["orders"]

  send "adapter.in" { body = { id = 1, region = "eu" } }

  expect "topic.new_order" {
    message {
      unchanged = true
      key       = "orders.eu"
    }
  }
  expect "adapter.in" {
    message { text = "accepted 1" }
  }
}

test "Europe hears of its own orders only" {
  each = {
    eu = { region = "eu", heard = 1 }
    us = { region = "us", heard = 0 }
  }
  flows = ["europe"]

  send "topic.new_order" {
    body = { id = 1, region = row.region }
    key  = "orders.${row.region}"
  }

  expect "adapter.in" { count = row.heard }
}

test "no order is accepted that nobody can hear of" {
  fault "topic.new_order" { error = "connection refused" }
  send "adapter.in" { body = { id = 1, region = "eu" } }

  expect "dead_letters.orders" {
    stage = "orders.send"
    message { unchanged = true }
  }
  expect "adapter.in" { count = 0 }
}
