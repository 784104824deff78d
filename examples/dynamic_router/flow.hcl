# Recipients say which orders they want, and the router learns it while it runs. Orders that
# nobody wants are put aside.
#
# Input:
#   {"id": "big", "to": "queue.big", "if": "body.total > 1000"}
#   {"id": "eu", "to": "queue.eu", "if": "body.region == 'eu' && body.total > 0", "priority": 1}
#   {"id": "mine", "to": "queue.aside"}
#   {"order": 1, "total": 5000, "region": "us"}
#   {"order": 2, "total": 5000, "region": "eu"}
#   {"order": 3, "total": 10, "region": "us"}
#
# Unordered output:
#   big got order 1
#   eu got order 2
#   nobody got order 3

adapter "stdio" "in" {}
topic "wanted" {} # where recipients register
queue "orders" {}
queue "big" {}
queue "eu" {}
queue "aside" {}

flow "in" {
  from = adapter.in
  content_router {
    when "rule" {
      if = "'to' in body"
      delay { for = "500ms" } # until somebody listens
      to = topic.wanted
    }
    otherwise {
      delay { for = "1s" } # until the rules are there
      to = queue.orders
    }
  }
}

flow "orders" {
  from = queue.orders
  dynamic_router {
    control = topic.wanted
    allow   = [queue.big, queue.eu]
    otherwise { to = queue.aside }
  }
}

flow "big" {
  from = queue.big
  transform { body = "'big got order ' + string(body.order)" }
  to = adapter.in
}

flow "eu" {
  from = queue.eu
  transform { body = "'eu got order ' + string(body.order)" }
  to = adapter.in
}

flow "aside" {
  from = queue.aside
  transform { body = "'nobody got order ' + string(body.order)" }
  to = adapter.in
}
