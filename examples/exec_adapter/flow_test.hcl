test "what the program prints goes on" {
  stub "adapter.upper" { body = "upper(string(body))" }

  send "adapter.in" { body = "one" }

  expect "adapter.in" {
    message { text = "ONE" }
  }
}

test "a program that does not answer is given up" {
  stub "adapter.upper" {
    body  = "''"
    delay = "24h"
  }

  send "adapter.in" { body = "one" }

  expect "dead_letters.shout" {
    stage = "shout.request"
    message { unchanged = true }
  }
}
