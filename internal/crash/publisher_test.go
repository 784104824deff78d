package crash

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/internal/rabbit"
)

// A publisher publishes each numbered message once: a quarter at once, and the rest
// as time goes by. What is not confirmed may have come, or not.
type publisher struct {
	n         int
	confirmed []bool // by number; to be read after wait
	published atomic.Int64
	done      chan struct{}
}

// publish starts a publisher, of so many messages a second.
func publish(t *testing.T, node *rabbit.Node, n, rate int) *publisher {
	t.Helper()
	p := &publisher{n: n, confirmed: make([]bool, n), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for t.Context().Err() == nil && p.published.Load() < int64(n) {
			_ = p.connected(node.URL(), tick.C, rate/100) // the node may be down
			<-tick.C
		}
	}()
	t.Cleanup(func() { <-p.done })
	return p
}

// dial opens a channel to a node that may be down.
func dial(url string) (ch *amqp.Channel, hangUp func() error, err error) {
	conn, err := amqp.Dial(url)
	if err != nil {
		return nil, nil, err
	}
	if ch, err = conn.Channel(); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return ch, conn.Close, nil
}

// connected publishes until all is published or the connection is lost.
func (p *publisher) connected(url string, tick <-chan time.Time, burst int) error {
	ch, hangUp, err := dial(url)
	if err != nil {
		return err
	}
	defer hangUp()
	if err := ch.Confirm(false); err != nil {
		return err
	}
	for {
		from, to := int(p.published.Load()), 0
		if to = from + burst; from == 0 {
			to = p.n / 4
		}
		to = min(to, p.n)
		if from == to {
			return nil
		}
		confirms := make([]*amqp.DeferredConfirmation, 0, to-from)
		for i := from; i < to; i++ {
			p.published.Add(1)
			c, err := ch.PublishWithDeferredConfirm("", "in", true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: orderBody(i)})
			if err != nil {
				break
			}
			confirms = append(confirms, c)
		}
		for i, c := range confirms {
			p.confirmed[from+i] = c.Wait()
		}
		if ch.IsClosed() {
			return errors.New("the connection was lost")
		}
		<-tick
	}
}

// until waits until so many messages are published.
func (p *publisher) until(t *testing.T, n int) {
	t.Helper()
	until(t, "messages are published", func() bool { return p.published.Load() >= int64(min(n, p.n)) })
}

// wait waits until all are.
func (p *publisher) wait() { <-p.done }
