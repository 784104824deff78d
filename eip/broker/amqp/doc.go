// Package amqp is RabbitMQ as a broker, over AMQP 0-9-1.
//
// A queue is a queue. A topic is a topic exchange, and each subscription a queue
// bound to it, which all processes of a flow share. A message's Key is its routing
// key.
//
// # A hop that loses nothing
//
// Messages are consumed with manual acknowledgement, published persistent (but for
// what came as transient) and confirmed (to queues also mandatory), and acknowledged
// only when everything made of them is confirmed. Publishes are pipelined: a sender
// watches for the confirm of its oldest publish under way, and no publish waits for it.
// A return or a nack fails that message alone. Acknowledgements go out for the longest
// settled prefix, many at a time.
//
// Consuming and publishing have connections of their own: under an alarm RabbitMQ stops
// reading from connections that publish, and acknowledgements must not wait behind
// that.
//
// A server allows so many AMQP channels on a connection. A source has one; up to 16
// senders share one, each with an order of its own, and none waits for another's
// confirms. Where no channel is left, another connection is opened. A few are kept for
// calls, such as declarations.
//
// # Mending
//
// A connection that is lost is made again, with a waiting time that doubles up to
// a maximum and varies at random. A source then consumes anew, and what it had
// under way is delivered again. A sender declares its channel anew and publishes
// again, in order, what was not confirmed; but what its source will deliver again
// is given up, so that it does not come twice for certain. A message that makes the
// server close the channel is found by publishing what is unconfirmed one by one, and
// fails alone: each sender that shared the channel does so on one of its own, and goes
// back.
package amqp
