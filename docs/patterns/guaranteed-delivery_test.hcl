test "an order outlasts a crash" {
  broker = "embedded"

  command "stop" { target = "work" }
  send "queue.orders" { body = "kept on disk" }
  settle {}
  restart {}

  expect "adapter.io" {
    message { text = "kept on disk" }
  }
}
