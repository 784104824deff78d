# The same router behind a wire tap that drops no copy.
queue "in" {}
queue "audit" {}
queue "big_eu" {}
queue "big_us" {}
queue "rest" {}

flow "orders" {
  from = queue.in

  wire_tap "audit" {
    guaranteed = true
    to         = queue.audit
  }

  content_router {
    when "big_eu" {
      if = "body.total > 1000 && body.region == 'eu'"
      to = queue.big_eu
    }
    when "big_us" {
      if = "body.total > 1000 && body.region == 'us'"
      to = queue.big_us
    }
    otherwise { to = queue.rest }
  }
}
