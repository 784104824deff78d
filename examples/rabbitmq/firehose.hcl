# Prints everything that is sent to the exchange orders, whoever reads it, by
# RabbitMQ's firehose. It is turned on by rabbitmqctl trace_on, and costs the broker
# a copy of every message; turn it off afterwards.
#
# Copies go to the exchange amq.rabbitmq.trace, with the key publish.EXCHANGE or
# deliver.QUEUE. What this flow sent to a queue would be copied too, and come back:
# it only prints.
#
#   eipd run firehose.hcl --broker amqp://guest:guest@localhost:5672/

topic "trace" {
  address = "amq.rabbitmq.trace"
  declare = false
}

adapter "stdio" "out" {}

flow "firehose" {
  from                 = topic.trace
  pattern              = "publish.orders"
  durable              = false # it goes with this process
  subscription_address = "eipd.firehose"
  to                   = adapter.out
}
