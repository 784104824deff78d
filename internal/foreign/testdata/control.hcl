queue "orders" {}
queue "checked" {}
queue "gifts" {}
queue "rest" {}
queue "bad" {}

flow "orders" {
  from            = queue.orders
  prefetch        = 20
  invalid_message = queue.bad

  filter "positive" {
    if = "body.total > 0"
  }

  detour "validate" {
    enabled = false
    send {
      to = queue.checked
    }
  }

  content_router {
    when "gift" {
      if = "body.gift == true"
      to = [queue.gifts, queue.rest]
    }
    otherwise {
      to = queue.rest
    }
  }
}

control_bus {}
