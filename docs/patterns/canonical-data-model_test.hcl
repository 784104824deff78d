test "the shop's form becomes the common one" {
  send "adapter.in" { body = { no = 7, skus = ["tea", "milk"] } }

  expect "queue.orders" {
    passed = true
    message { body = { id = "7", items = ["tea", "milk"] } }
  }
  expect "adapter.in" {
    message { text = "7: tea, milk" }
  }
}

test "what does not fit the form gets no further" {
  send "adapter.in" { body = { no = 8, skus = [] } }

  expect "invalid.shop" { count = 1 }
  expect "adapter.in" {
    message { matches = "body.items" }
  }
}
