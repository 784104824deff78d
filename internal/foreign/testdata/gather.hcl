# Makes orders of their parts.
queue "parts" {}

queue "orders" {}

flow "gather" {
  from = queue.parts
  aggregator {
    key      = "body.order"
    complete = "group.count == 10"
    timeout  = "never"
    body     = "{order: group.first.body.order, parts: sort(map(group.messages, #.body.part))}"
  }
  to = queue.orders
}
