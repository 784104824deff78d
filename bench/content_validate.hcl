# A check by a JSON Schema, between adapters that the benchmark registers.
schema "order" { file = "order.json" }
adapter "bench_source" "orders" {}
adapter "bench_sink" "rest" {}
adapter "bench_sink" "invalid" {}

flow "orders" {
  from            = adapter.orders
  invalid_message = adapter.invalid
  validate { schema = schema.order }
  to = adapter.rest
}
