package rabbit

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Drain takes all messages out of a queue that nobody else consumes. The queue is
// deleted. A queue that has just been recovered does not count right, so a last
// message is sent after them.
func (n *Node) Drain(t testing.TB, queue string) (messages []amqp.Delivery) {
	t.Helper()
	conn, err := amqp.Dial(n.URL())
	if err != nil {
		t.Fatalf("connect to RabbitMQ: %v", err)
	}
	defer conn.Close()
	messages, err = drain(conn, queue)
	if err != nil {
		t.Fatalf("drain queue %s: %v", queue, err)
	}
	return messages
}

func drain(conn *amqp.Connection, queue string) (messages []amqp.Delivery, err error) {
	const last = "the last message"
	ch, err := conn.Channel()
	if err != nil {
		return nil, err
	}
	if err := ch.Publish("", queue, true, false, amqp.Publishing{Type: last}); err != nil {
		return nil, err
	}
	deliveries, err := ch.Consume(queue, "", true, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	for d := range deliveries {
		if d.Type == last {
			_, err := ch.QueueDelete(queue, false, false, false)
			return messages, err
		}
		messages = append(messages, d)
	}
	return nil, fmt.Errorf("the connection was lost after %d messages", len(messages))
}
