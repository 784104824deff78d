# Ten parts to a group, from queue to queue in one file.
queue "in" {}

queue "out" {}

flow "work" {
  from = queue.in
  aggregator {
    key     = "body.id"
    size    = 10
    timeout = "1h"
  }
  to = queue.out
}
