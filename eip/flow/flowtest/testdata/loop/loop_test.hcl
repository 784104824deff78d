suite {
  timeout = "300ms"
}

test "round and round" {
  send "queue.round" { body = "x" }
}

test "nothing" {}
