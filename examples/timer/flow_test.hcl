test "a tick says which it is of how many" {
  send "adapter.clock" {
    body = { word = "tick" }
    sequence {
      number = 2
      size   = 3
    }
  }

  expect "adapter.out" {
    message { text = "tick 2 of 3" }
  }
}

test "a tick that cannot be printed is tried again" {
  fault "adapter.out" {
    error = "nobody listens"
    times = 1
  }
  send "adapter.clock" { body = { word = "tick" } }

  expect "adapter.out" { count = 1 }
  expect "flow.ticks" { retried = 1 }
}
