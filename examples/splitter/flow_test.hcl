test "each line of an order is a message that knows its place" {
  send "adapter.orders" {
    body = {
      order = 7
      lines = [{ sku = "a-1", quantity = 3 }, { sku = "b-2", quantity = 1 }]
    }
  }

  expect "adapter.orders" {
    message { body = { order = 7, sku = "a-1", quantity = 3, of = "1/2" } }
    message { body = { order = 7, sku = "b-2", quantity = 1, of = "2/2" } }
  }
}

test "an order without lines is dropped" {
  send "adapter.orders" { body = { order = 8, lines = [] } }

  expect "flow.lines" { dropped = 1 }
  expect "adapter.orders" { count = 0 }
}

test "a line that fails fails alone" {
  fault "adapter.orders" {
    if    = "body.sku == 'a-1'"
    error = "disk full"
  }
  send "adapter.orders" {
    body = {
      order = 7
      lines = [{ sku = "a-1", quantity = 3 }, { sku = "b-2", quantity = 1 }]
    }
  }

  expect "adapter.orders" {
    message { has = { sku = "b-2" } }
  }
  expect "dead_letters.lines" {
    message { has = { sku = "a-1" } }
  }
}

test "what has no list of lines is invalid" {
  send "adapter.orders" { body = { order = 9 } }

  expect "invalid.lines" {
    stage = "lines.splitter"
    message { unchanged = true }
  }
}
