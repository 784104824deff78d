# Makes one form of the orders of a shop and of a partner, and checks it by a schema. A
# third form, which nobody has told of, is invalid.
#
# Input:
#   {"id": 1, "lines": [{"sku": "tea"}, {"sku": "milk"}]}
#   {"OrderNo": "A-2", "Articles": "tea salt"}
#   {"OrderNo": "A-3", "Articles": ""}
#   {"number": 4}
#
# Unordered output:
#   {"id":"1","items":["tea","milk"]}
#   {"id":"A-2","items":["tea","salt"]}
#   orders.normalizer: format "partner": the body does not fit schema order: body.items[0] has 0 characters, and should have 1 or more
#   orders.normalizer: no format fits the message: the expressions of "shop", "partner" are false

schema "order" { file = "order.json" }

queue "wrong" {}
adapter "stdio" "in" {}

flow "orders" {
  from            = adapter.in
  invalid_message = queue.wrong
  normalizer {
    schema = schema.order
    format "shop" {
      if = "body.lines != nil"
      transform { body = "{id: string(body.id), items: map(body.lines, .sku)}" }
    }
    format "partner" {
      if = "body.OrderNo != nil"
      transform { body = "{id: body.OrderNo, items: split(body.Articles, ' ')}" }
    }
  }
  to = adapter.in
}

flow "complaints" {
  from = queue.wrong
  transform { body = "headers['eip-error']" }
  to = adapter.in
}
