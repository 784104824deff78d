# Flows in which something of everything happens.

broker "far" { url = "amqp://nowhere.invalid" }

queue "orders" {}
queue "audit" {}
queue "paid" {}
queue "rest" {}
queue "slow" {
  ttl         = "24h"
  dead_letter = queue.too_late
}
queue "too_late" {}
queue "prices" { broker = broker.far }
queue "priced" { broker = broker.far }
queue "small" { max_length = 1 }
queue "gave_up" {}
topic "news" {}

variable "password" {
  type      = string
  sensitive = true
  default   = "swordfish"
}

adapter "http" "gateway" {
  listen = "127.0.0.1:1"
}
adapter "http" "shop" { url = "https://shop.invalid/orders" }
adapter "stdio" "lines" {}
adapter "file" "out" {
  path   = "'out/' + message.id + '.json'"
  format = "whole"
}

flow "orders" {
  from = queue.orders
  retry {
    attempts  = 3
    delay     = "1s"
    max_delay = "30s"
  }

  wire_tap "audit" {
    if = "body.total > 1000"
    to = queue.audit
  }
  detour "check" {
    enabled = false
    filter {
      if         = "body.total < 100000"
      discard_to = queue.rest
    }
  }
  content_router "sort" {
    when "paid" {
      if = "body.total > 0"
      to = queue.paid
    }
    when "free" {
      if = "body.total == 0"
      discard {}
    }
    otherwise { to = queue.rest }
  }
}

flow "charge" {
  from        = queue.prices
  dead_letter = queue.gave_up
  request "ask" {
    to      = queue.small
    timeout = "5s"
  }
  to = queue.priced
}

flow "run" {
  from = adapter.lines
  exec "tool" {
    command = ["/nowhere/tool"]
    output  = "body"
  }
  to = adapter.out
}

flow "answer" {
  from = adapter.gateway
  reply { body = "{got: body.n}" }
}

flow "forward" {
  from = topic.news
  to   = adapter.shop
}

flow "wait" {
  from = queue.too_late
  delay { for = "'15m'" }
  to = queue.audit
}

service "sum" {
  reply { body = "{sum: body.a + body.b}" }
}
