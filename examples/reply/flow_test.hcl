test "whoever asks is answered, and it is written down" {
  call "queue.greetings" {
    body = "Ada"
    reply { text = "Hello, Ada!" }
  }

  expect "adapter.in" {
    message { text = "asked: Ada" }
  }
}

test "the other flow asks" {
  send "adapter.in" { body = "Grace" }

  expect "adapter.in" {
    order = "any"
    message { text = "asked: Grace" }
    message { text = "Hello, Grace!" }
  }
}

test "a question that cannot be answered is invalid" {
  send "queue.greetings" { body = "Ada" }

  expect "invalid.greet" {
    stage = "greet.reply"
    message { unchanged = true }
  }
}
