# What came out.
adapter "bench_results" "results" {}

queue "out" {}

flow "empty" {
  from = queue.out
  to   = adapter.results
}
