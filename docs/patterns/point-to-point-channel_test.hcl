test "each order is done once, by either of them" {
  send "adapter.io" { body = "one\ntwo\nthree" }

  expect "adapter.io" {
    order = "any"
    message { text = "done: one" }
    message { text = "done: two" }
    message { text = "done: three" }
  }
}
