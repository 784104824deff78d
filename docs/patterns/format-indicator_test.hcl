test "each version is read in its own way" {
  send "adapter.io" { body = { item = "pen" } }
  send "adapter.io" { body = { items = ["ink", "nib"] } }

  expect "queue.orders" {
    passed = true
    message { headers = { eip-format = "order/v1" } }
    message { headers = { eip-format = "order/v2" } }
  }
  expect "adapter.io" {
    order = "any"
    message { text = "one pen" }
    message { text = "2 items" }
  }
}

test "a version that nobody reads is invalid" {
  send "queue.orders" {
    body    = { item = "pen" }
    headers = { eip-format = "order/v3" }
  }

  expect "invalid.read" { count = 1 }
}
