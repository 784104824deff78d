topic "wanted" {}
queue "orders" {}
queue "ruby" {}
queue "aside" {}

flow "orders" {
  from     = queue.orders
  prefetch = 1
  dynamic_router {
    control = topic.wanted
    allow   = [queue.ruby]
    ttl     = "3s"
    otherwise { to = queue.aside }
  }
}
