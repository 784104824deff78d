suite {
  time = "2026-01-05T23:00:00Z"
}

test "a person's notices of a day are one text, at midnight" {
  send "adapter.in" { body = { to = "ada", text = "Your parcel is on its way." } }
  send "adapter.in" { body = { to = "ada", text = "Your parcel has arrived." } }

  advance "59m" {}
  expect "adapter.digests" {
    count  = 0
    within = "0s"
  }

  advance "1m" {}
  expect "adapter.digests" {
    message { text = "To: ada\n\n- Your parcel is on its way.\n- Your parcel has arrived." }
  }
  expect "adapter.in" {
    message { text = "ada: 2 notices" }
  }
}

test "each person gets a text of their own" {
  ignore = ["adapter.digests"]

  send "adapter.in" { body = { to = "ada", text = "Your parcel has arrived." } }
  send "adapter.in" { body = { to = "bob", text = "Your invoice is due." } }

  expect "adapter.in" {
    order = "any"
    message { text = "ada: 1 notice" }
    message { text = "bob: 1 notice" }
  }
}

test "a digest that cannot be written is tried again" {
  ignore = ["adapter.digests"]
  fault "adapter.digests" {
    error = "disk full"
    times = 2
  }

  send "adapter.in" { body = { to = "bob", text = "Your invoice is due." } }

  expect "adapter.in" {
    within = "2h"
    message { text = "bob: 1 notice" }
  }
}
