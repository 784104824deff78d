test "an order is printed, with the file that it is from" {
  send "adapter.orders" {
    body    = { id = 1, total = 1000 }
    headers = { file = "orders/monday.jsonl" }
  }

  expect "adapter.out" {
    message { text = "orders/monday.jsonl: order 1" }
  }
}

test "a large one is also kept" {
  ignore = ["adapter.out"]

  send "adapter.orders" {
    body    = { id = 2, total = 1001 }
    headers = { file = "orders/monday.jsonl" }
  }

  expect "adapter.large" {
    at = "out/large.jsonl"
    message { unchanged = true }
  }
}

test "no order is printed whose copy is not safe" {
  fault "adapter.large" {
    error = "disk full"
    times = 1
  }
  send "adapter.orders" {
    body    = { id = 3, total = 5000 }
    headers = { file = "orders/tuesday.jsonl" }
  }

  expect "adapter.out" { count = 1 }
  expect "adapter.large" { count = 1 }
  expect "flow.orders" { retried = 1 }
}
