test "a tick says which it is" {
  send "adapter.clock" { body = { word = "tick" } }

  expect "adapter.out" {
    message { text = "tick 1 of 1" }
  }
}
