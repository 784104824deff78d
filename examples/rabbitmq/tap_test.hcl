suite { flows = ["tap.hcl"] }

test "the auditors see of a large order what they need" {
  send "queue.orders" { body = { id = 1, total = 1001, card = "4111" } }

  expect "queue.audit" {
    message { body = { id = 1, total = 1001 } }
  }
  expect "queue.out" {
    message { unchanged = true }
  }
}

test "and nothing of any other" {
  send "queue.orders" { body = { id = 1, total = 1000 } }

  expect "queue.audit" { count = 0 }
  expect "queue.out" { count = 1 }
}

test "orders do not notice that the auditors' queue is full" {
  fault "queue.audit" { full = true }
  send "queue.orders" { body = { id = 1, total = 1001 } }

  expect "queue.out" { count = 1 }
  expect "flow.orders" { retried = 0 }
}
