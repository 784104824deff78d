test "the bank with the better rate is taken" {
  each = {
    small = { amount = 50000, bank = "queue.north", rate = 3.5 }
    large = { amount = 50001, bank = "queue.south", rate = 2.9 }
  }
  send "adapter.in" { body = { amount = row.amount } }

  expect "adapter.in" {
    message { body = { amount = row.amount, bank = row.bank, rate = row.rate } }
  }
}

test "a loan waits for a bank that is slow, and then is tried again" {
  flows = ["loans"]
  service "queue.north" { body = "3.5" }
  service "queue.south" {
    reply {
      body  = "2.9"
      delay = "11s"
    }
    reply { body = "2.9" }
  }

  send "adapter.in" { body = { amount = 1000 } }

  expect "adapter.in" {
    message { body = { amount = 1000, bank = "queue.south", rate = 2.9 } }
  }
  expect "flow.loans" { retried = 1 }
}

test "a bank that never answers costs the loan" {
  flows = ["loans"]
  service "queue.north" { body = "3.5" }
  service "queue.south" {
    body  = "2.9"
    delay = "1h"
  }

  send "adapter.in" { body = { amount = 1000 } }

  expect "dead_letters.loans" {
    error = "did not come within 10s: queue.south"
    message { unchanged = true }
  }
}
