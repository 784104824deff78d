suite { flows = ["reverse.hcl"] }

test "a text is said backwards" {
  send "topic.texts" { body = "hello" }

  expect "queue.results" {
    message { text = "hello is olleh" }
  }
}
