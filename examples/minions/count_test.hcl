suite { flows = ["count.hcl"] }

test "a text is counted" {
  send "topic.texts" { body = "hello" }

  expect "queue.results" {
    message { text = "hello has 5" }
  }
}

test "a command says how long texts must be" {
  command "set" {
    target = "var.at_least"
    args   = { value = 6 }
  }
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
