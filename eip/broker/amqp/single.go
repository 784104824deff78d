package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
)

// single is what one process has at a time: a queue that belongs to the connection on which
// its sources consume, so that it goes with their consumers, whatever becomes of the
// process. Nothing is ever in the queue.
type single struct {
	queue string

	mu      sync.Mutex
	sources int         // that are open
	link    *link       // that all of them are on; nil: not known yet
	conn    *connection // that has the queue, or had it; nil: none
}

// single returns what the sources of a name share, of which there is one more now.
func (b *Broker) single(queue string) *single {
	b.mu.Lock()
	x := b.singles[queue]
	if x == nil {
		x = &single{queue: queue}
		b.singles[queue] = x
	}
	b.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sources++
	return x
}

// on is the connection to consume on, where others of the name are.
func (x *single) on(otherwise *link) *link {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.link != nil {
		return x.link
	}
	return otherwise
}

// take has the connection own the queue, or fails where another process' does.
func (x *single) take(ctx context.Context, conn *connection) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.conn != nil && x.conn != conn && !x.conn.IsClosed() {
		return &broker.Trouble{Err: errors.New("no AMQP channel is left on the connection that has the queue " + x.queue)}
	}
	err := conn.call(ctx, "declare queue "+x.queue, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(x.queue, false, true, true, false, amqp.Table{"x-max-length": int32(0)})
		return err
	})
	var refused *amqp.Error
	switch {
	case err == nil:
		x.link, x.conn = conn.link, conn
		return nil
	case errors.As(err, &refused) && refused.Code == amqp.ResourceLocked:
		return &broker.Trouble{Standby: true, Err: fmt.Errorf("another process takes its messages, which has the queue %s", x.queue)}
	case errors.As(err, &refused) && refused.Code == amqp.AccessRefused:
		return fmt.Errorf("declare queue %s, which one of all processes has: %w", x.queue, trouble(err))
	}
	return fmt.Errorf("declare queue %s: %w", x.queue, conflict(err))
}

// leave is called by a source that is closed. With the last, another process may have it.
func (x *single) leave() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sources--; x.sources > 0 || x.conn == nil || x.conn.IsClosed() {
		return
	}
	hurry(x.conn, func() {
		if ch, err := x.conn.Channel(); err == nil {
			_, _ = ch.QueueDelete(x.queue, false, false, false) // else it goes with the connection
			_ = ch.Close()
		}
	})
	x.conn = nil
}
