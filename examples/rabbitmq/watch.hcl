# Watches a request-reply service. Clients ask the queue prices, with a reply queue
# of their own or RabbitMQ's direct reply-to, as they always did; the service now
# listens on prices.service. The smart proxy between them brings each reply back to
# who asked, measures every round trip, and here also logs the replies.
#
#   eipd run watch.hcl --broker amqp://guest:guest@localhost:5672/

queue "prices" {}

queue "service" { address = "prices.service" }

flow "prices" {
  from = queue.prices

  smart_proxy {
    service = queue.service
    timeout = "10s"
    reply_body {
      log { message = "body" }
    }
  }
}
