test "a day, a retry of half a minute and a lease end at once" {
  send "queue.slow" { body = { total = 1 } }
  command "set" {
    target = "orders.check"
    args = {
      enabled = true
      for     = "15m"
    }
  }
  fault "orders.sort" {
    error = "not yet"
    times = 2
  }
  send "queue.orders" { body = { total = 2 } }
  expect "queue.paid" {
    message { via = ["orders.check.filter"] }
  }
  advance "15m" {}
  send "queue.orders" { body = { total = 3 } }
  expect "queue.paid" {
    message { not_via = ["orders.check.filter"] }
  }
  advance "24h" {}
  expect "queue.audit" { count = 1 }
}

test "a command takes as long as what it waits for" {
  fault "orders.sort" {
    delay = "20s"
    times = 1
  }
  send "queue.slow" { body = { total = 1 } }
  send "queue.orders" { body = { total = 2 } }
  command "stop" { target = "orders" }
  expect "queue.paid" {
    count  = 1
    within = "0s"
  }
  advance "23h59m" {}
  expect "queue.audit" {
    count  = 0
    within = "0s"
  }
  expect "queue.audit" {
    count  = 1
    within = "16m"
  }
}
