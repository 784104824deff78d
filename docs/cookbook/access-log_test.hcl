test "a request that failed is told" {
  send "adapter.log" { body = "192.0.2.7 - ada [28/Nov/2026:10:00:02 +0000] \"POST /orders HTTP/1.1\" 503 0" }

  expect "adapter.webhook" {
    message { has = { status = "503", path = "/orders" } }
  }
}

test "what is in order is not, nor what cannot be read" {
  send "adapter.log" { body = "192.0.2.7 - ada [28/Nov/2026:10:00:01 +0000] \"GET / HTTP/1.1\" 200 5123" }
  send "adapter.log" { body = "hello" }

  expect "adapter.webhook" { count = 0 }
}

test "the receiver keeps alerts" {
  send "adapter.alerts" { body = { status = "503" } }

  expect "adapter.list" { count = 1 }
}
