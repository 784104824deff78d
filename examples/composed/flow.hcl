# Prices the lines of an order, all at once and by different services, and puts the order
# together again, its lines in their order (Composed Message Processor).
#
# Input:
#   {"order": 7, "lines": [{"kind": "book", "quantity": 3}, {"kind": "fish", "quantity": 2}, {"kind": "book", "quantity": 1}]}
#   {"order": 8, "lines": []}
#
# Output:
#   {"lines":[30,14,10],"order":7,"total":54}
#   {"lines":[],"order":8,"total":0}

adapter "stdio" "orders" {}
queue "books" {}
queue "fish" {}

flow "orders" {
  from = adapter.orders
  splitter "lines" {
    parts = "body.lines"
    each {
      content_router {
        when "book" {
          if = "body.kind == 'book'"
          request { to = queue.books }
        }
        otherwise {
          request { to = queue.fish }
        }
      }
    }
    gather {
      timeout = "30s"
      body    = "{order: body.order, lines: results, total: sum(results)}"
    }
  }
  to = adapter.orders
}

flow "books" {
  from = queue.books
  reply { body = "body.quantity * 10" }
}

flow "fish" {
  from = queue.fish
  reply { body = "body.quantity * 7" }
}
