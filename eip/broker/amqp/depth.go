package amqp

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

var _ broker.Deep = (*Broker)(nil)

// Depths asks the server how much waits, on AMQP channels that carry no messages: what
// is not there closes them. Where there is no connection, nothing is known.
func (b *Broker) Depths(ctx context.Context, of []broker.Item) map[int]broker.Depth {
	found := map[int]broker.Depth{}
	conn := b.looker()
	if conn == nil {
		return found
	}
	for i, item := range of {
		if ctx.Err() != nil || conn.IsClosed() {
			break
		}
		var s broker.Subscription
		if item.Subscription != nil {
			s = *item.Subscription
		}
		queue := receiving(item.Channel, s).queue
		var q amqp.Queue
		err := conn.call(ctx, queue, func(ch *amqp.Channel) (err error) {
			q, err = ch.QueueDeclarePassive(queue, true, false, false, false, nil)
			return err
		})
		if err == nil {
			found[i] = broker.Depth{Messages: q.Messages}
		}
	}
	return found
}

// looker is a connection to look at queues by, nil where there is none: that which
// consumes, as what is exclusive is shown to no other. What is left unanswered is
// nobody else's concern.
func (b *Broker) looker() *connection {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range append(b.consume.all(), b.publish.all()...) {
		l.mu.Lock()
		conn := l.conn
		if l.blocked {
			conn = nil
		}
		l.mu.Unlock()
		if conn == nil || conn.IsClosed() {
			continue
		}
		if b.looks == nil || b.looks.Connection != conn.Connection {
			b.looks = &connection{Connection: conn.Connection, link: conn.link, wire: conn.wire, gone: conn.gone, calls: conn.calls, idle: conn.idle}
		}
		return b.looks
	}
	return nil
}
