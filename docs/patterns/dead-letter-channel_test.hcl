test "an order is labelled" {
  stub "ship.label" { body = "''" }
  send "queue.orders" { body = "order 1" }

  expect "dead_letters.ship" { count = 0 }
}

test "one that cannot be is kept, and says why" {
  fault "ship.label" { error = "no printer" }
  send "queue.orders" { body = "order 1" }

  expect "dead_letters.ship" {
    stage    = "ship.label"
    error    = "no printer"
    attempts = 2
    message { body = "order 1" }
  }
}
