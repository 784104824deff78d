test "what fits the schema comes through" {
  send "adapter.io" { body = { id = 1 } }

  expect "adapter.io" {
    message { text = "order 1" }
  }
}

test "what does not fit is kept out, and says why" {
  send "adapter.io" { body = { id = "two" } }

  expect "invalid.take" { count = 1 }
  expect "adapter.io" {
    message { matches = "body.id is a string" }
  }
}
