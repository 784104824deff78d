test "an order goes to the plugin that it names" {
  each = {
    by_name = { do = "echo", says = "hello" }
    by_id   = { do = "2f7c1e5a-64b1-4c1d-9d0e-6a2b7f0c3e11", says = "HELLO" }
    unknown = { do = "sing", says = "nobody can do sing" }
  }
  send "adapter.in" { body = { do = row.do, text = "hello" } }

  expect "adapter.in" {
    message { text = row.says }
  }
}

test "an order that names none is done by none" {
  send "adapter.in" { body = { text = "hello" } }

  expect "adapter.in" {
    message { text = "nobody can do nothing" }
  }
}

test "a plugin's program is a stub" {
  stub "orders.dispatch.shrink.processor" { body = "body.text[0:1]" }

  send "adapter.in" { body = { do = "shrink", text = "hello" } }

  expect "adapter.in" {
    message { text = "h" }
  }
}

test "a plugin that fails takes no other with it" {
  stub "orders.dispatch.shrink.processor" { body = "''" }
  fault "orders.dispatch.shrink.processor" { error = "no such program" }

  send "adapter.in" { body = { do = "shrink", text = "hello" } }
  send "adapter.in" { body = { do = "echo", text = "hello" } }

  expect "dead_letters.orders" {
    error = "no such program"
    message { body = { do = "shrink", text = "hello" } }
  }
  expect "adapter.in" {
    order = "any"
    message { text = "hello" }
    message { text = "shrink does not work today" }
  }
}
