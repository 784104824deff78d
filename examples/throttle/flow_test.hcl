test "two may pass at once, and the third goes elsewhere" {
  flows = ["requests"]

  send "adapter.in" {
    body  = "request ${index}"
    count = 3
  }

  expect "adapter.in" {
    message { text = "request 0" }
    message { text = "request 1" }
  }
  expect "queue.late" {
    message { text = "request 2" }
  }
}

test "after a minute one more may pass" {
  send "adapter.in" {
    body  = "request"
    count = 2
  }
  settle {}
  advance "1m" {}
  send "adapter.in" { body = "request" }

  expect "adapter.in" { count = 3 }
  expect "source.queue.late" { acked = 0 }
}

test "who is too many hears so" {
  send "queue.late" { body = "third" }

  expect "adapter.in" {
    message { text = "too many: third" }
  }
}

test "what cannot be printed is no request that counts again" {
  fault "adapter.in" {
    error = "disk full"
    times = 1
  }
  send "adapter.in" { body = "first" }

  expect "adapter.in" {
    message { text = "first" }
  }
}
