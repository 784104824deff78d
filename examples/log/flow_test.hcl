test "an order passes as it is, whatever is logged of it" {
  each = {
    large = { total = 1001, way = "large" }
    small = { total = 1000, way = "otherwise" }
  }
  send "adapter.in" { body = { id = 1, total = row.total } }

  expect "adapter.in" {
    message { unchanged = true }
  }
  expect "stage.orders.content_router" {
    branches = { (row.way) = 1 }
  }
}

test "what has no total is invalid" {
  send "adapter.in" { body = { id = 1 } }

  expect "invalid.orders" {
    message { unchanged = true }
  }
}
