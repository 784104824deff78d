# What is worked on.
adapter "bench_parts" "parts" {}

queue "in" {}

flow "fill" {
  from = adapter.parts
  to   = queue.in
}
