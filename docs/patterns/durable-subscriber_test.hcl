test "news are printed" {
  send "topic.news" { body = "the shop is open" }

  expect "adapter.out" {
    message { text = "the shop is open" }
  }
}

test "what came while nothing ran is printed later" {
  broker = "embedded"

  command "stop" { target = "reader" }
  send "topic.news" { body = "the shop is open" }
  settle {}
  restart {}

  expect "adapter.out" {
    message { text = "the shop is open" }
  }
}
