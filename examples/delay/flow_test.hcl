test "a reminder comes when it is time, and not before" {
  send "adapter.in" { body = { text = "pay the invoice", wait = "24h" } }

  expect "adapter.in" {
    count  = 0
    within = "0s"
    for    = "23h59m"
  }
  expect "adapter.in" {
    message { text = "pay the invoice" }
  }
}

test "who waits less overtakes who waits more" {
  send "adapter.in" { body = { text = "pay the invoice", wait = "2h" } }
  send "adapter.in" { body = { text = "confirm the order", wait = "1h" } }
  send "adapter.in" { body = { text = "welcome" } }

  expect "adapter.in" {
    within = "2h"
    message { text = "welcome" }
    message { text = "confirm the order" }
    message { text = "pay the invoice" }
  }
}

test "what waits outlasts a crash" {
  broker = "embedded"

  send "adapter.in" { body = { text = "pay the invoice", wait = "30m" } }
  settle {}
  restart {}

  expect "adapter.in" {
    message { text = "pay the invoice" }
  }
}

test "a time that is none makes the message invalid" {
  send "adapter.in" { body = { text = "pay the invoice", wait = "soon" } }

  expect "invalid.reminders" { count = 1 }
}
