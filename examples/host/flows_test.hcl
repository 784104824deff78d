test "what is urgent is told" {
  send "adapter.lines" { body = "urgent: the roof leaks" }

  expect "adapter.lines" {
    message { unchanged = true }
  }
}

test "all else is not" {
  send "adapter.lines" { body = "the sun shines" }

  expect "flow.pick" { dropped = 1 }
}

test "it waits until it can be told" {
  fault "adapter.lines" {
    error = "nobody listens"
    times = 2
  }
  send "queue.urgent" { body = "urgent: the roof leaks" }

  expect "adapter.lines" { count = 1 }
  expect "flow.tell" { retried = 2 }
}
