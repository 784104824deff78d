suite {
  flows = ["firehose.hcl"]
  env   = { EIPD_BROKER = "amqp://localhost" } # which tests do not talk to
}

test "what is sent to the exchange orders is printed, and nothing else" {
  each = {
    sent      = { key = "publish.orders", printed = 1 }
    elsewhere = { key = "publish.invoices", printed = 0 }
    delivered = { key = "deliver.orders", printed = 0 }
  }
  send "topic.trace" {
    body = { id = 1 }
    key  = row.key
  }

  expect "adapter.out" { count = row.printed }
}
