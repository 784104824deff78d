test "an account's events come in the order of their versions" {
  send "adapter.in" { body = { account = "kim", version = 2, event = "paid in" } }
  send "adapter.in" { body = { account = "kim", version = 1, event = "opened" } }

  expect "adapter.in" {
    message { text = "kim 1: opened" }
    message { text = "kim 2: paid in" }
  }
}

test "no account waits for another" {
  send "adapter.in" { body = { account = "kim", version = 2, event = "paid in" } }
  send "adapter.in" { body = { account = "lee", version = 1, event = "opened" } }

  expect "adapter.in" {
    count  = 1
    within = "0s"
    message { text = "lee 1: opened" }
  }
  expect "adapter.in" {
    message { text = "kim 2: paid in" }
  }
}

test "what is missing for a minute is skipped, and too late when it comes" {
  send "adapter.in" { body = { account = "kim", version = 2, event = "paid in" } }
  advance "1m" {}
  send "adapter.in" { body = { account = "kim", version = 1, event = "opened" } }

  expect "adapter.in" {
    message { text = "kim 2: paid in" }
  }
  expect "dead_letters.events" {
    message { body = { account = "kim", version = 1, event = "opened" } }
  }
}

test "an event without a version is invalid" {
  send "adapter.in" { body = { account = "kim", event = "opened" } }

  expect "invalid.events" {
    message { unchanged = true }
  }
}
