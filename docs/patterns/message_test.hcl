test "headers and properties go beside the body" {
  send "adapter.io" { body = { id = 7, region = "eu" } }

  expect "adapter.io" {
    message {
      type           = "order"
      correlation_id = "7"
      headers        = { region = "eu" }
      body           = { type = "order", about = "7", region = "eu", from = "adapter.io" }
    }
  }
}
