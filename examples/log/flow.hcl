# Logs each order on standard error, large ones as a warning, and passes it on.
#
# Input:
#   {"id": 1, "total": 2000}
#   {"id": 2, "total": 10}
#
# Output:
#   {"id": 1, "total": 2000}
#   {"id": 2, "total": 10}

adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  content_router {
    when "large" {
      if = "body.total > 1000"
      log {
        level   = "warn"
        message = "'large order: ' + string(body.total)"
      }
      to = adapter.in
    }
    otherwise {
      log {}
      to = adapter.in
    }
  }
}
