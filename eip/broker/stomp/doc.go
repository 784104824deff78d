// Package stomp is ActiveMQ, or RabbitMQ's plugin, as a broker over STOMP.
package stomp
