# Asks another flow for the price of each article, several at once, and adds it to
# the order.
#
# Input:
#   {"id": 1, "article": "pen"}
#   {"id": 2, "article": "desk"}
#
# Unordered output:
#   {"article":"pen","id":1,"price":2}
#   {"article":"desk","id":2,"price":250}

adapter "stdio" "in" {}
queue "prices" {}

flow "orders" {
  from        = adapter.in
  concurrency = 10
  request {
    to    = queue.prices
    body  = "{'article': body.article}"
    merge = "{'id': body.id, 'article': body.article, 'price': reply.price}"
  }
  to = adapter.in
}

flow "prices" {
  from = queue.prices
  reply { body = "{'price': body.article == 'pen' ? 2 : 250}" }
}
