# Makes invoices of orders, and a line to print of each invoice. The second
# transform sees what the first one made.
#
# Input:
#   {"id": 7, "items": [{"name": "pen", "price": 3}, {"name": "ink", "price": 4}], "region": "eu"}
#
# Output:
#   eu: order 7, pen and ink, 7 due

adapter "stdio" "in" {}

flow "invoices" {
  from = adapter.in
  transform {
    body    = <<-EOT
      {
        "order":     body.id,
        "positions": map(body.items, .name),
        "due":       sum(body.items, .price),
      }
    EOT
    headers = { region = "body.region" }
    type    = "'invoice'"
  }
  transform {
    body = "headers.region + ': order ' + string(body.order) + ', ' + join(body.positions, ' and ') + ', ' + string(body.due) + ' due'"
  }
  to = adapter.in
}
