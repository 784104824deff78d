test "an order goes to who has asked for it" {
  send "adapter.in" { body = { id = "big", to = "queue.big", if = "body.total > 1000" } }
  send "adapter.in" { body = { id = "eu", to = "queue.eu", if = "body.region == 'eu'", priority = 1 } }
  send "adapter.in" { body = { order = 1, total = 5000, region = "us" } }
  send "adapter.in" { body = { order = 2, total = 5000, region = "eu" } }
  send "adapter.in" { body = { order = 3, total = 10, region = "us" } }

  expect "topic.wanted" { count = 2 }
  expect "adapter.in" {
    order = "any"
    message { text = "big got order 1" }
    message { text = "eu got order 2" }
    message { text = "nobody got order 3" }
  }
}

test "the rule of the highest priority takes it" {
  flows = ["orders"]

  send "topic.wanted" { body = { id = "a", to = "queue.big" } }
  send "topic.wanted" { body = { id = "b", to = "queue.eu", if = "body.region == 'eu'", priority = 1 } }
  send "queue.orders" { body = { order = 1, region = "eu" } }

  expect "queue.eu" { count = 1 }
}

test "a rule that is not registered again ends after a minute" {
  flows = ["orders"]

  send "topic.wanted" { body = { id = "big", to = "queue.big" } }
  advance "59s" {}
  send "queue.orders" { body = { order = 1 } }
  expect "queue.big" { count = 1 }

  advance "1s" {}
  send "queue.orders" { body = { order = 2 } }
  expect "queue.aside" { count = 1 }
}

test "rules outlast a restart" {
  flows  = ["orders"]
  broker = "embedded"

  send "topic.wanted" { body = { id = "big", to = "queue.big" } }
  settle {}
  restart {}
  send "queue.orders" { body = { order = 1 } }

  expect "queue.big" { count = 1 }
}

test "a rule that leads where it may not is refused" {
  flows = ["orders"]

  send "topic.wanted" { body = { id = "mine", to = "queue.aside" } }
  send "topic.wanted" { body = "nonsense" }
  send "queue.orders" { body = { order = 1 } }

  expect "queue.aside" { count = 1 }
}
