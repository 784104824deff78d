test "each form becomes the same" {
  each = {
    shop    = { form = "shop", body = { id = 1, lines = [{ sku = "tea" }] }, id = "1" }
    partner = { form = "partner", body = { OrderNo = "A-2", Articles = "tea" }, id = "A-2" }
  }
  send "adapter.in" { body = row.body }

  expect "adapter.in" {
    message { body = { id = row.id, items = ["tea"] } }
  }
  expect "stage.orders.normalizer" {
    branches = { (row.form) = 1 }
  }
}

test "what has no form that is known is invalid" {
  flows = ["orders"]
  send "adapter.in" { body = { number = 4 } }

  expect "invalid.orders" {
    stage = "orders.normalizer"
    message { unchanged = true }
  }
}

test "so is what does not fit the schema when it is translated" {
  send "adapter.in" { body = { OrderNo = 3, Articles = "tea" } }

  expect "invalid.orders" {
    stage = "orders.normalizer"
    message { unchanged = true }
  }
  expect "adapter.in" {
    message { matches = "format \"partner\".*body.id is a number, and should be a string" }
  }
}
