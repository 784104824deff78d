# Collects the pages of a list: each page says which one follows, until there is none. An
# order whose pages lead round in a circle is invalid.
#
# Input:
#   {"id": 1, "next": "a", "items": []}
#   {"id": 2, "next": null, "items": ["ink"]}
#   {"id": 3, "next": "c", "items": []}
#
# Unordered output:
#   {"id":1,"items":["pen","desk"],"next":null}
#   {"id": 2, "next": null, "items": ["ink"]}
#   order 3 is invalid

queue "pages" {}
queue "wrong" {}
adapter "stdio" "in" {}

flow "orders" {
  from            = adapter.in
  invalid_message = queue.wrong
  loop {
    while = "body.next != nil"
    max   = 10
    request {
      to    = queue.pages
      body  = "body.next"
      merge = "{id: body.id, items: concat(body.items, reply.items), next: reply.next}"
    }
  }
  to = adapter.in
}

flow "pages" {
  from = queue.pages
  reply { body = "{a: {items: ['pen'], next: 'b'}, b: {items: ['desk'], next: nil}, c: {items: ['ink'], next: 'c'}}[body]" }
}

flow "complaints" {
  from = queue.wrong
  transform { body = "'order ' + string(body.id) + ' is invalid'" }
  to = adapter.in
}
