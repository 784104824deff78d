# Reads the orders of all days, line by line, and keeps the large ones in a file.
# When it is run again it has nothing to do, for it knows what it has read.
#
# Output:
#   orders/monday.jsonl: order 1
#   orders/monday.jsonl: order 2
#   orders/tuesday.jsonl: order 3

adapter "file" "orders" { path = "orders/*.jsonl" }
adapter "file" "large" { path = "out/large.jsonl" }
adapter "stdio" "out" {}

flow "orders" {
  from = adapter.orders
  wire_tap "large" {
    if         = "body.total > 1000"
    guaranteed = true
    to         = adapter.large
  }
  transform { body = "headers.file + ': order ' + string(body.id)" }
  to = adapter.out
}
