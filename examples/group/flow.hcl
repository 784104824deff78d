# One file for two kinds of processes. eipd run --group front takes orders, and eipd run
# --group back works on them; without --group, one process does both.
#
# Input:
#   {"id": 1}
#
# Output:
#   order 1

adapter "stdio" "in" {}
queue "orders" {}

group "front" { flows = flow.take }
group "back" { flows = [flow.work] }

flow "take" {
  from = adapter.in
  to   = queue.orders
}

flow "work" {
  from = queue.orders
  transform { body = "'order ' + string(body.id)" }
  to = adapter.in
}
