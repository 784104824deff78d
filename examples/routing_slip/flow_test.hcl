test "an order passes its steps in their order" {
  each = {
    both    = { steps = ["check", "wrap"], done = "checked, wrapped" }
    turned  = { steps = ["wrap", "check"], done = "checked" }
    checked = { steps = ["check"], done = "checked" }
    wrapped = { steps = ["wrap"], done = "wrapped" }
  }
  send "adapter.in" { body = { id = 1, steps = row.steps } }

  expect "adapter.in" {
    message {
      body    = { id = 1, done = row.done }
      via     = row.steps
      without = ["eip-slip"]
    }
  }
}

test "a step that is not allowed is refused before the first is done" {
  send "adapter.in" { body = { id = 2, steps = ["check", "steal"] } }

  expect "invalid.orders" {
    error = "queue.steal. is not allowed"
    message { unchanged = true }
  }
  expect "adapter.in" {
    message { text = "refused 2" }
  }
}

test "who comes to a step without a slip goes nowhere" {
  send "queue.check" { body = { id = 3 } }

  expect "invalid.check" {
    error = "has no slip"
    message { unchanged = true }
  }
}
