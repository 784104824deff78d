// Package foreign tests eipd with clients of RabbitMQ that others have made: pika
// (Python), bunny (Ruby) and amqp-tools (C) stand on both sides of its flows, ask
// its services and answer its requests. Their scripts are in testdata.
package foreign
