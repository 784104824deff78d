test "what is paid is shipped, and the rest reminded of" {
  send "adapter.io" { body = { order = 1, paid = true } }
  send "adapter.io" { body = { order = 2 } }

  expect "adapter.io" {
    order = "any"
    message { text = "ship order 1" }
    message { text = "remind of order 2" }
  }
}

test "a command that nobody knows is invalid" {
  send "queue.commands" {
    type = "paint"
    body = { order = 3 }
  }

  expect "invalid.work" { count = 1 }
}
