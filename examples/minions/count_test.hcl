suite { flows = ["count.hcl"] }

test "a text is counted" {
  send "topic.texts" { body = "hello" }

  expect "queue.results" {
    message { text = "hello has 5" }
  }
}

test "a text that is too short is none" {
  variables = { at_least = 6 }

  send "topic.texts" { body = "hello" }

  expect "flow.minion" { dropped = 1 }
}

test "a text waits while results cannot be sent" {
  fault "queue.results" {
    full  = true
    times = 2
  }
  send "topic.texts" { body = "hello" }

  expect "queue.results" { count = 1 }
  expect "flow.minion" { retried = 2 }
}
