package amqp

import (
	"context"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

var _ broker.Deep = (*Broker)(nil)

// Depths asks the server how much waits, on AMQP channels of their own: what is not
// there closes them. Where there is no connection, nothing is known.
func (b *Broker) Depths(ctx context.Context, of []broker.Item) map[int]broker.Depth {
	found := map[int]broker.Depth{}
	conn := b.looker()
	if conn == nil {
		return found
	}
	var ch *amqp.Channel
	for i, item := range of {
		if ctx.Err() != nil || conn.IsClosed() {
			break
		}
		if ch == nil {
			var err error
			if ch, err = conn.Channel(); err != nil {
				return found
			}
		}
		var s broker.Subscription
		if item.Subscription != nil {
			s = *item.Subscription
		}
		queue, on := receiving(item.Channel, s).queue, ch
		var q amqp.Queue
		err := conn.within(queue, func() (err error) {
			q, err = on.QueueDeclarePassive(queue, true, false, false, false, nil)
			return err
		}, func() { _ = on.Close() }) // or it is closed
		if err != nil {
			ch = nil
			continue
		}
		found[i] = broker.Depth{Messages: q.Messages}
	}
	if ch != nil {
		_ = conn.within("close", ch.Close, func() {})
	}
	return found
}

// looker is a connection to look at queues by, nil where there is none: that which
// consumes, as what is exclusive is shown to no other. What is left unanswered is
// nobody else's concern.
func (b *Broker) looker() *connection {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range []*link{b.consume, b.publish} {
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
			b.looks = &connection{Connection: conn.Connection, wire: conn.wire}
		}
		return b.looks
	}
	return nil
}
