# Listens to a live system, and moves nothing in it. Its producers send to the
# exchange orders, and its consumers have queues of their own bound to that, as
# before. A further queue, eipd.listen, gets a copy of each order that is paid; what
# is large goes to the auditors.
#
# What comes while eipd does not run waits in eipd.listen. When nobody is to listen
# any more, delete that queue, or it fills.
#
#   eipd run listen.hcl --broker amqp://guest:guest@localhost:5672/

topic "orders" {
  type    = "direct"
  declare = false # it is there, and stays as it is
}

queue "audit" { address = "orders.audit" }

flow "listen" {
  from                 = topic.orders
  binding_key          = "paid"
  subscription_address = "eipd.listen"

  filter { if = "body.total > 1000" }
  to = queue.audit
}
