# Takes orders by HTTP. An order is answered when it has been settled; a question
# about prices, with what the flow replies.
#
# Requests:
#   POST /orders {"id": 7}
#   GET /prices?item=tea
#   GET /prices?item=gold
#   GET /orders
#
# Output:
#   202
#   200 {"item":"tea","price":3}
#   404 no such item
#   405 method not allowed
#   order 7

variable "listen" {
  default = "127.0.0.1:8088"
}

adapter "http" "orders" {
  listen = var.listen
  path   = "/orders"
}

adapter "http" "prices" {
  listen = var.listen
  path   = "/prices"
  method = "GET"
}

adapter "stdio" "out" {}

flow "orders" {
  from = adapter.orders
  transform { body = "'order ' + string(body.id)" }
  to = adapter.out
}

flow "prices" {
  from = adapter.prices
  content_router {
    when "tea" {
      if = "headers.query.item == 'tea'"
      reply { body = "{item: 'tea', price: 3}" }
    }
    otherwise {
      transform { headers = { http_status = "404" } }
      reply { body = "'no such item'" }
    }
  }
}
