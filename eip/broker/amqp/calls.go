package amqp

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// replyHere is the Return Address by which the server passes a reply straight to the AMQP
// channel that the request came by, without a queue ("direct reply-to").
const replyHere = "amq.rabbitmq.reply-to"

// calls is one AMQP channel on which requests go out and replies come in. Nothing on it is
// confirmed or acknowledged.
type calls struct {
	remote.Hindrance
	broker *Broker
	to     broker.Outcomes
	ctx    context.Context
	stop   context.CancelFunc
	ended  chan struct{}
	user   string

	mu      sync.Mutex
	current *callChannel  // nil while there is none
	change  chan struct{} // closed when that changes
}

// callChannel is the AMQP channel, and what comes by it.
type callChannel struct {
	*amqp.Channel
	conn    *connection
	replies <-chan amqp.Delivery
	returns <-chan amqp.Return
	closed  <-chan *amqp.Error
}

// Calls opens a channel for calls. It mends itself.
func (b *Broker) Calls(ctx context.Context, to broker.Outcomes) (broker.Calls, error) {
	c := &calls{broker: b, to: to, user: b.config.URL.User.Username(), ended: make(chan struct{}), change: make(chan struct{})}
	c.ctx, c.stop = context.WithCancel(context.Background())
	if err := b.opened.Add(c); err != nil {
		return nil, err
	}
	var first *callChannel
	err := remote.Begin(ctx, c.ctx, func(ctx context.Context) (err error) {
		first, err = c.open(ctx)
		return err
	}, c.meet)
	if err != nil {
		b.opened.Remove(c)
		c.stop()
		close(c.ended)
		return nil, err
	}
	go c.run(first)
	return c, nil
}

func (c *calls) meet(err error) time.Duration {
	return c.Meet(&c.broker.config, err, "cannot call", slog.String("address", replyHere))
}

func (c *calls) open(ctx context.Context) (*callChannel, error) {
	conn, err := c.broker.publish.hold(ctx, nil)
	if err != nil {
		return nil, err
	}
	ch, err := conn.Channel()
	if err != nil {
		conn.free()
		return nil, conn.lostOr(fmt.Errorf("open a channel: %w", err))
	}
	x := &callChannel{Channel: ch, conn: conn, returns: ch.NotifyReturn(make(chan amqp.Return)), closed: ch.NotifyClose(make(chan *amqp.Error, 1))}
	if x.replies, err = ch.Consume(replyHere, "", true, false, false, false, nil); err != nil {
		hurry(conn, func() { _ = ch.Close() }) // it may be lost
		conn.free()
		return nil, conn.lostOr(fmt.Errorf("ask for replies: %w", trouble(err)))
	}
	c.Over(&c.broker.config, "calling again", slog.String("address", replyHere))
	c.set(x)
	return x, nil
}

// run tells what comes, and opens another channel when one is lost, until Close.
func (c *calls) run(x *callChannel) {
	defer close(c.ended)
	for c.ctx.Err() == nil {
		if x != nil {
			err := c.hear(x)
			c.set(nil)
			x.end()
			if c.ctx.Err() != nil {
				return
			}
			c.to.Lost(err)
		}
		var err error
		if x, err = c.open(c.ctx); err != nil && c.ctx.Err() == nil {
			remote.Sleep(c.ctx, c.meet(err))
		}
	}
	c.set(nil)
	if x != nil {
		x.end()
	}
}

// hear tells what comes until the channel is lost. It returns why it was.
func (c *calls) hear(x *callChannel) error {
	for {
		select {
		case d, ok := <-x.replies:
			if !ok {
				return x.why()
			}
			reply, _ := receive(&d, replyHere, nil) // headers that cannot be read are missing
			c.to.Replied(reply)
		case r, ok := <-x.returns:
			if !ok {
				x.returns = nil // replies may be left
				continue
			}
			c.to.Returned(r.CorrelationId, eip.Gone(fmt.Errorf("publish to %q: the broker gave it back: %s (%d)", r.RoutingKey, r.ReplyText, r.ReplyCode)))
		case <-c.ctx.Done():
			return eip.ErrClosed
		}
	}
}

func (x *callChannel) why() error {
	if err := <-x.closed; err != nil {
		return fmt.Errorf("%w: %s", broker.ErrLost, explain(err))
	}
	return broker.ErrLost
}

// end gives the channel up. The library waits for who takes what is left.
func (x *callChannel) end() {
	go func() {
		for range x.replies {
		}
	}()
	go func(returns <-chan amqp.Return) {
		for range returns {
		}
	}(x.returns)
	hurry(x.conn, func() { _ = x.Close() }) // it may be lost
	x.conn.free()
}

func (c *calls) set(x *callChannel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = x
	close(c.change)
	c.change = make(chan struct{})
}

// Call publishes a request as mandatory.
func (c *calls) Call(ctx context.Context, address string, m *eip.Message) error {
	for {
		c.mu.Lock()
		x, change := c.current, c.change
		c.mu.Unlock()
		if x != nil {
			return c.publish(ctx, x, address, m)
		}
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("wait for RabbitMQ at %s (%s): %w", c.broker.config.URL.Host, c.broker.publish.waitsFor(), ctx.Err())
		case <-c.ctx.Done():
			return eip.ErrClosed
		}
	}
}

func (c *calls) publish(ctx context.Context, x *callChannel, address string, m *eip.Message) error {
	if address == "" || len(address) > 255 {
		return eip.Permanent(fmt.Errorf("call %.40q: this cannot be the name of a queue", address))
	}
	p, err := publishing(m, c.user, x.conn.Config.FrameSize)
	if err != nil {
		return eip.Permanent(fmt.Errorf("publish: %w", err))
	}
	p.DeliveryMode, p.ReplyTo = amqp.Transient, replyHere
	if err := x.conn.link.flowing(ctx); err != nil {
		return err
	}
	if err := x.conn.wire.drained(ctx); err != nil {
		return err
	}
	if err := x.Publish("", address, true, false, p); err != nil { // run may have told so before
		return fmt.Errorf("%w: %s", broker.ErrLost, explain(err))
	}
	return nil
}

// Close ends the channel.
func (c *calls) Close() error {
	c.broker.opened.Remove(c)
	c.stop()
	<-c.ended
	return nil
}
