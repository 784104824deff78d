# Two detours on the way of an order. The first is on, and checks it; the second is
# off, and lets it straight through.
#
# Input:
#   {"id": 1, "total": 200}
#   {"id": 2, "total": -5}
#
# Unordered output:
#   {"id": 1, "total": 200}
#   refused 2

adapter "stdio" "in" {}
queue "refused" {}

flow "orders" {
  from = adapter.in
  detour "validate" {
    enabled = true
    filter {
      if         = "body.total > 0"
      discard_to = queue.refused
    }
  }
  detour "debug" {
    transform { body = "'debug: ' + string(body.id)" }
  }
  to = adapter.in
}

flow "refused" {
  from = queue.refused
  transform { body = "'refused ' + string(body.id)" }
  to = adapter.in
}
