package amqp

import (
	"context"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// patience is how long a source waits for the consumer of a lost connection, or of an
// earlier process.
const patience = remote.Patience

// awaitPredecessor waits until the queue has no consumer but those of this process. One
// that is gone may be known to the server for a while, and what it had comes back to the
// queue only then: newer messages must not overtake it. Another process' consumer
// looks the same, so there is an end to waiting.
func (s *source) awaitPredecessor(ctx context.Context, conn *connection, ch *amqp.Channel) error {
	most := patience
	if s.silent { // the server notices that by its own heart-beat
		most = max(most, 3*conn.Config.Heartbeat)
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		consumers := 0
		err := conn.limited(s.context, func() error {
			return conn.within("look at queue "+s.topology.queue, func() error {
				q, err := ch.QueueDeclarePassive(s.topology.queue, s.topology.durable, s.topology.autoDelete, s.topology.exclusive, false, s.topology.arguments)
				consumers = q.Consumers
				return err
			}, func() {})
		})
		if err != nil {
			return err
		}
		if consumers <= s.broker.consumers(s.topology.queue, 0) {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		case <-s.context.Done():
			return nil
		}
	}
}

// consumers counts this process' consumers of a queue, after a change.
func (b *Broker) consumers(queue string, change int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.consuming[queue] += change
	n := b.consuming[queue]
	if n == 0 {
		delete(b.consuming, queue)
	}
	return n
}
