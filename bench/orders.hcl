# The flow of the in-process benchmark: a wire tap, and a content router on two
# fields, between adapters that the benchmark registers.
adapter "bench_source" "orders" {}
adapter "bench_sink" "audit" {}
adapter "bench_sink" "big_eu" {}
adapter "bench_sink" "big_us" {}
adapter "bench_sink" "rest" {}
adapter "bench_sink" "invalid" {}

flow "orders" {
  from            = adapter.orders
  dead_letter     = adapter.invalid
  invalid_message = adapter.invalid

  wire_tap "audit" { to = adapter.audit }

  content_router {
    when "big_eu" {
      if = "body.total > 1000 && body.region == 'eu'"
      to = adapter.big_eu
    }
    when "big_us" {
      if = "body.total > 1000 && body.region == 'us'"
      to = adapter.big_us
    }
    otherwise { to = adapter.rest }
  }
}
