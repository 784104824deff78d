# A content router on two fields, from a queue to three.
queue "in" {}
queue "big_eu" {}
queue "big_us" {}
queue "rest" {}

flow "orders" {
  from = queue.in

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
