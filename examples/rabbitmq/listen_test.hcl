suite {
  flows = ["listen.hcl"]
  env   = { EIPD_BROKER = "amqp://localhost" } # which tests do not talk to
}

test "the auditors get what is paid and large" {
  each = {
    large  = { key = "paid", total = 1001, audited = 1 }
    small  = { key = "paid", total = 1000, audited = 0 }
    unpaid = { key = "open", total = 1001, audited = 0 }
  }
  send "topic.orders" {
    body = { id = 1, total = row.total }
    key  = row.key
  }

  expect "queue.audit" { count = row.audited }
}

test "what has no total is invalid" {
  send "topic.orders" {
    body = { id = 1 }
    key  = "paid"
  }

  expect "invalid.listen" {
    message { unchanged = true }
  }
}
