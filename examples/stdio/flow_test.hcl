test "each line is a message" {
  send "adapter.shell" {
    body = <<-LINES
      {"name": "Ada", "born": 1815}
      {"name": "Grace", "born": 1906}
    LINES
  }

  expect "adapter.shell" {
    message { body = { name = "Ada", age = 21 } }
    message { body = { name = "Grace", age = -70 } }
  }
}

test "a line that is no JSON is invalid, and the next one goes on" {
  send "adapter.shell" { body = "hello\n{\"name\": \"Ada\", \"born\": 1815}" }

  expect "invalid.ages" {
    message { text = "hello" }
  }
  expect "adapter.shell" { count = 1 }
}
