test "what was asked three times is told once" {
  stub "stock.exec" { body = "{changed: '2026-05-04', tea: 12}" }
  send "adapter.clock" {
    body  = ""
    count = 3
  }

  expect "adapter.out" {
    message { text = "new: 12 of tea" }
  }
}
