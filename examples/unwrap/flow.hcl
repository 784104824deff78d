# Takes orders out of the CloudEvents that another system sends: their attributes become
# properties and headers, and their data is the body.
#
# Input:
#   {"specversion": "1.0", "id": "7", "source": "/shop", "type": "order.placed", "tenant": "blue", "data": {"total": 12.50}}
#
# Output:
#   order.placed 7 of blue, from /shop: {"total": 12.50}

adapter "stdio" "in" {}

flow "orders" {
  from = adapter.in
  unwrap {}
  transform {
    content_type = "'text/plain'"
  }
  transform {
    body = "message.type + ' ' + message.id + ' of ' + headers.tenant + ', from ' + headers.source + ': ' + body"
  }
  to = adapter.in
}
