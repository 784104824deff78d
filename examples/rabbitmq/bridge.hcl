# Moves orders from a queue of one RabbitMQ to a queue of another, as its shovel
# does: each message as it is, in order, and acknowledged in the shop only when the
# warehouse has confirmed it. When either side is away, orders wait in the shop.
#
#   eipd run bridge.hcl --var shop=amqp://… --var warehouse=amqps://…

variable "shop" {
  description = "where orders come from"
  type        = string
  default     = "amqp://guest:guest@localhost:5672/shop"
}

variable "warehouse" {
  description = "where they go"
  type        = string
  default     = "amqp://guest:guest@localhost:5672/warehouse"
}

broker "shop" { url = var.shop }
broker "warehouse" { url = var.warehouse }

queue "orders" { broker = broker.shop }

queue "incoming" {
  broker  = broker.warehouse
  address = "shop.orders"
}

flow "bridge" {
  from = queue.orders
  to   = queue.incoming
}
