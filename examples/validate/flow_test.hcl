test "an order that fits passes as it is" {
  send "adapter.in" { body = { id = 1, lines = [{ sku = "pen", quantity = 2 }] } }

  expect "adapter.in" {
    message { unchanged = true }
  }
}

test "one that does not says all that is wrong with it" {
  send "adapter.in" { body = { id = "2", lines = [{ quantity = 0 }] } }

  expect "invalid.orders" {
    stage = "orders.validate"
    message { unchanged = true }
  }
  expect "adapter.in" {
    message { matches = "body.id is a string.*lines\\[0\\].quantity should be 1 or more.*sku is missing" }
  }
}
