test "three make a batch, at once" {
  send "adapter.in" {
    body  = { id = index }
    count = 3
  }

  expect "adapter.in" {
    within = "0s"
    message { body = { rows = [0, 1, 2] } }
  }
}

test "fewer wait no longer than the timeout" {
  send "adapter.in" { body = { id = 1 } }

  advance "199ms" {}
  expect "adapter.in" {
    count  = 0
    within = "0s"
  }

  advance "1ms" {}
  expect "adapter.in" {
    message { body = { rows = [1] } }
  }
}

test "a batch that fails is tried again as a whole" {
  fault "adapter.in" {
    error = "disk full"
    times = 1
  }
  send "adapter.in" {
    body  = { id = index }
    count = 3
  }

  expect "adapter.in" {
    message { body = { rows = [0, 1, 2] } }
  }
  expect "flow.load" { retried = 3 }
}
