test "what is taken goes to both channels" {
  send "adapter.io" { body = "order 1" }

  expect "adapter.io" {
    message { text = "work on order 1" }
  }
  expect "topic.news" {
    message { text = "order 1" }
  }
}
