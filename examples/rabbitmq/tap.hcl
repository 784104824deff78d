# Looks at what goes through a queue. Producers send to the queue orders as before;
# consumers take from orders.out instead. Between the two, a copy of each large
# order goes to the auditors' queue. Where their queue is slow or full, copies are
# dropped and counted, and the orders do not notice.
#
#   eipd run tap.hcl --broker amqp://guest:guest@localhost:5672/

queue "orders" {}

queue "out" { address = "orders.out" }

queue "audit" {
  address    = "orders.audit"
  max_length = 10000
}

flow "orders" {
  from = queue.orders

  wire_tap "audit" {
    if = "body.total > 1000"
    transform { body = "{id: body.id, total: body.total}" }
    to = queue.audit
  }
  to = queue.out
}
