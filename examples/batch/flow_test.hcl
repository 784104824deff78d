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

test "at the end of the source a batch goes sooner" {
  send "adapter.in" { body = { id = 1 } }
  end "adapter.in" {}

  expect "adapter.in" {
    within = "100ms"
    message { body = { rows = [1] } }
  }
}

test "of a batch that fails, each message is a dead letter by itself" {
  fault "adapter.in" {
    error     = "no such table"
    permanent = true
  }
  send "adapter.in" {
    body  = { id = index }
    count = 3
  }

  expect "dead_letters.load" {
    error = "no such table"
    message { body = { id = 0 } }
    message { body = { id = 1 } }
    message { body = { id = 2 } }
  }
}
