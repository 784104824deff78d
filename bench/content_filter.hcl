# A content filter, between adapters that the benchmark registers.
adapter "bench_source" "orders" {}
adapter "bench_sink" "rest" {}
adapter "bench_sink" "invalid" {}

flow "orders" {
  from            = adapter.orders
  invalid_message = adapter.invalid
  content_filter { remove = ["customer.email", "lines.price", "trace", "description"] }
  to = adapter.rest
}
