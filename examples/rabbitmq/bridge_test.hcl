suite { flows = ["bridge.hcl"] }

test "an order goes over as it is" {
  send "queue.orders" {
    body    = { id = 1 }
    headers = { region = "eu" }
  }

  expect "queue.incoming" {
    message { unchanged = true }
  }
}

test "while the warehouse is away, orders wait in the shop" {
  fault "broker.warehouse" { cut = true }
  send "queue.orders" { body = { id = 1 } }

  settle {}
  expect "source.queue.orders" { left = 1 }

  heal "broker.warehouse" {}
  expect "queue.incoming" { count = 1 }
  expect "source.queue.orders" { left = 0 }
}

test "a confirm that is lost shows as a duplicate, not as a loss" {
  fault "queue.incoming" {
    confirm = "lost"
    times   = 1
  }
  send "queue.orders" { body = { id = 1 } }

  expect "queue.incoming" { count = 2 }
}
