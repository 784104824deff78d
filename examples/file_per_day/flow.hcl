# Appends each order to the file of its day, and says which one that is.
#
# Input:
#   {"day": "2026-03-01", "id": 1}
#   {"day": "2026-03-02", "id": 2}
#   {"day": "2026-03-01", "id": 3}
#
# Output:
#   order 1 is for orders/2026-03-01.jsonl
#   order 2 is for orders/2026-03-02.jsonl
#   order 3 is for orders/2026-03-01.jsonl

adapter "stdio" "in" {}

adapter "file" "orders" { path = "'orders/' + body.day + '.jsonl'" }

flow "orders" {
  from = adapter.in
  send { to = adapter.orders }
  transform { body = "'order ' + string(body.id) + ' is for orders/' + body.day + '.jsonl'" }
  to = adapter.in
}
