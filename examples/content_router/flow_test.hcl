test "an order goes the way of the first branch that it fits" {
  each = {
    big_eu    = { total = 1001, region = "eu", gift = true, says = "big in Europe: 1", way = "big_eu" }
    gift      = { total = 1000, region = "eu", gift = true, says = "a gift: 1", way = "gift" }
    otherwise = { total = 2000, region = "us", gift = false, says = "the rest: 1", way = "otherwise" }
  }
  send "adapter.in" {
    body = { id = 1, total = row.total, region = row.region, gift = row.gift }
  }

  expect "adapter.in" {
    message { text = row.says }
  }
  expect "stage.orders.content_router" {
    branches = { (row.way) = 1 }
  }
}

test "what is no order is invalid" {
  flows = ["orders"]

  send "adapter.in" { body = "not an order" }

  expect "invalid.orders" {
    stage = "orders.content_router"
    message { unchanged = true }
  }
}

test "complaints are printed" {
  send "queue.invalid" { body = "not an order" }

  expect "adapter.in" {
    message { text = "invalid: not an order" }
  }
}
