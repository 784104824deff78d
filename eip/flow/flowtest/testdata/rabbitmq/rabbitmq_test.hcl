test "what only RabbitMQ can be asked for does no harm in a test" {
  fault "broker.rabbit" {
    cut   = true
    times = 1
  }
  send "queue.a" {
    body = { id = 1 }
    key  = "k"
  }
  expect "queue.b" { count = 1 }
  expect "topic.t" { count = 1 }
  expect "queue.c" { count = 1 }
}
test "nor does it on disk" {
  broker = "embedded"
  send "queue.a" { body = { id = 1 } }
  settle {}
  restart {}
  expect "queue.b" { count = 1 }
  expect "topic.t" { count = 1 }
}
