test "an order is wrapped once a command has said so" {
  send "adapter.in" { body = { order = 1 } }
  send "adapter.in" {
    body = { command = "set", target = "desk.*.*.wrap", args = { enabled = true } }
  }
  send "adapter.in" { body = { order = 2 } }

  expect "adapter.in" {
    message { text = "order 1" }
    message { text = "set: done" }
    message { text = "order 2, in paper" }
  }
}

test "a command that is not carried out says why" {
  each = {
    misspelt    = { command = "set", target = "desk.*.*.warp", says = "set: unknown_target" }
    not_allowed = { command = "stop", target = "desk", says = "stop: not_allowed" }
  }
  send "adapter.in" {
    body = { command = row.command, target = row.target, args = { enabled = true } }
  }

  expect "adapter.in" {
    message { text = row.says }
  }
}

test "a command that nobody answers fails after its time" {
  fault "topic.control" { error = "the broker is away" }
  send "adapter.in" {
    body = { command = "set", target = "desk.*.*.wrap", args = { enabled = true } }
  }

  expect "dead_letters.desk" { count = 1 }
}
