test "everybody takes what concerns them" {
  send "adapter.io" { body = { what = "placed", order = 7 } }
  send "adapter.io" { body = { what = "paid", order = 7 } }

  expect "adapter.io" {
    order = "any"
    message { text = "bill order 7" }
    message { text = "pack order 7" }
  }
}

test "what is no event does not get on the bus" {
  send "adapter.io" { body = { what = "lost", order = 7 } }

  expect "invalid.shop" { count = 1 }
}
