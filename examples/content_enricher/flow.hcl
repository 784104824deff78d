# Adds to each order the price of its article, which another flow knows. It is asked once a
# minute for each article; an article that it does not know has no price.
#
# Input:
#   {"id": 1, "article": "pen"}
#   {"id": 2, "article": "desk"}
#   {"id": 3, "article": "pen"}
#   {"id": 4, "article": "yacht"}
#
# Unordered output:
#   {"article":"pen","id":1,"price":2}
#   {"article":"desk","id":2,"price":250}
#   {"article":"pen","id":3,"price":2}
#   {"article":"yacht","id":4,"price":null}

adapter "stdio" "in" {}
queue "prices" {}

flow "orders" {
  from        = adapter.in
  concurrency = 10
  content_enricher {
    key   = "body.article"
    merge = "{id: body.id, article: body.article, price: reply?.price}"
    cache { ttl = "1m" }

    request {
      to   = queue.prices
      body = "{article: body.article}"
    }
    filter { if = "body.price != nil" }
  }
  to = adapter.in
}

flow "prices" {
  from = queue.prices
  reply { body = "{price: {pen: 2, desk: 250}[body.article]}" }
}
