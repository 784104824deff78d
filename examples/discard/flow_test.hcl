test "an alarm passes" {
  send "adapter.in" { body = { sensor = "b", value = 91 } }

  expect "adapter.in" {
    message { unchanged = true }
  }
}

test "any other reading ends here" {
  send "adapter.in" { body = { sensor = "a", value = 90 } }

  expect "flow.alarms" { dropped = 1 }
  expect "adapter.in" { count = 0 }
}

test "what is no reading is no silent loss" {
  send "adapter.in" { body = { sensor = "a" } }

  expect "invalid.alarms" {
    error = "value"
    message { unchanged = true }
  }
}
