# Makes CloudEvents of orders. The last stage shows what is the same each time: the
# event also has an id, a time and what CloudEvents have no place for.
#
# Input:
#   {"id": 7, "total": 12.50}
#
# Output:
#   {"data":{"id":7,"total":12.50},"source":"/shop","specversion":"1.0","tenant":"blue","type":"order.placed"}

adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  transform {
    type    = "'order.placed'"
    headers = { tenant = "'blue'" }
  }
  wrap {
    as     = "cloudevents"
    source = "/shop"
  }
  content_filter { keep = ["specversion", "source", "type", "tenant", "data"] }
  transform { body = "body" }
  to = adapter.in
}
