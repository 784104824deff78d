# Groups that stay open, and messages that wait.
adapter "bench_parts" "parts" {}

adapter "bench_parts" "later" {}

queue "out" {}

flow "groups" {
  from = adapter.parts
  aggregator {
    key        = "body.id"
    size       = 2
    timeout    = "24h"
    max_groups = 2000000
  }
  to = queue.out
}

flow "delays" {
  from = adapter.later
  delay { for = "24h" }
  to = queue.out
}
