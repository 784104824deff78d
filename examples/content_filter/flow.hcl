# Keeps of an order what a warehouse must know. What stays is as it was written.
#
# Input:
#   {"id": 7, "total": 12.50, "customer": {"name": "Ada", "card": "4111"}, "lines": [{"sku": "pen", "n": 2, "price": 1.20}]}
#
# Output:
#   {"id": 7, "customer": {"name": "Ada"}, "lines": [{"sku": "pen", "n": 2}]}

adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  content_filter { keep = ["id", "customer.name", "lines.sku", "lines.n"] }
  to = adapter.in
}
