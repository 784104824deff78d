# Every message comes twice, and passes once, from queue to queue in one file.
queue "in" {}

queue "out" {}

flow "work" {
  from = queue.in
  idempotent_receiver { key = "body.id" }
  to = queue.out
}
