test "a tick says which it is" {
  send "adapter.clock" { body = { word = "tick" } }

  expect "adapter.out" { count = 1 }
}
