# Groups of some size, of which nothing is read in the end.
variable "size" { type = number }

adapter "bench_parts" "parts" {}

adapter "bench_results" "results" {}

flow "work" {
  from = adapter.parts
  aggregator {
    key     = "body.id"
    size    = var.size
    bytes   = "4GiB"
    timeout = "never"
    body    = "{count: group.count}"
  }
  to = adapter.results
}
