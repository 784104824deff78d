# One hop over a queue on disk.
adapter "bench_source" "orders" {}
adapter "bench_sink" "out" {}

queue "work" {}

flow "take" {
  from = adapter.orders
  to   = queue.work
}

flow "give" {
  from = queue.work
  to   = adapter.out
}
