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
