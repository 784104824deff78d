package stomp

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// STOMP knows no looking; ActiveMQ does, by a header of its own: a subscription then shows
// what is in a queue, and a last message says that this was all.
const browser = "browser"

// mostBrowsed is how many messages ActiveMQ shows where nobody has set its maxBrowsePageSize.
const mostBrowsed = 400

var _ broker.Browser = (*Broker)(nil)

// Price is none on ActiveMQ. Other servers are refused.
func (b *Broker) Price(ctx context.Context, c broker.Channel) (broker.Price, error) {
	b.mu.Lock()
	server := b.server
	b.mu.Unlock()
	if server == unknown {
		k, err := b.looker(ctx)
		if err != nil {
			return broker.Price{}, fmt.Errorf("look at queue %q: %w", c.Address, err)
		}
		server = k.server
		k.close() // nothing has been started on it
	}
	if err := server.shows(c); err != nil {
		return broker.Price{}, err
	}
	return broker.Price{Most: mostBrowsed}, nil
}

// shows says why a queue cannot be looked at.
func (s server) shows(c broker.Channel) error {
	switch {
	case c.Kind != broker.Queue:
		return eip.Permanent(fmt.Errorf("look at topic %q: nothing waits in a topic", c.Address))
	case s != activemq:
		return eip.Permanent(fmt.Errorf("look at queue %q: of the servers that speak STOMP, only ActiveMQ shows messages without delivering them; RabbitMQ can be asked by amqp", c.Address))
	}
	return nil
}

// looker connects to look at a queue.
func (b *Broker) looker(ctx context.Context) (k *conn, err error) {
	if b.opened.Ended() {
		return nil, eip.ErrClosed
	}
	for _, raw := range append([]string{b.config.URL.String()}, b.config.URLs...) {
		if k, err = b.reach(ctx, raw, "eipd-"+eip.NewID()); err == nil || ctx.Err() != nil {
			break
		}
	}
	return k, err
}

// Browse shows what ActiveMQ shows.
func (b *Broker) Browse(ctx context.Context, c broker.Channel, o broker.BrowseOptions) iter.Seq2[broker.Browsed, error] {
	return func(yield func(broker.Browsed, error) bool) {
		k, err := b.looker(ctx)
		if err == nil {
			if err = k.server.shows(c); err == nil {
				err = k.browse(ctx, c, o, func(m broker.Browsed) bool { return yield(m, nil) })
			}
			k.close()
		}
		if err != nil {
			yield(broker.Browsed{}, fmt.Errorf("look at queue %q: %w", c.Address, err))
		}
	}
}

// browse yields what comes until the last message. What nobody has taken yet waits in the
// network.
func (k *conn) browse(ctx context.Context, c broker.Channel, o broker.BrowseOptions, yield func(broker.Browsed) bool) error {
	seen := make(chan *frame.Frame)
	k.start(func(f *frame.Frame) error {
		switch f.Command {
		case "ERROR":
			return refusal(f)
		case "MESSAGE":
		default:
			return errors.New("the server sends " + f.Command)
		}
		select {
		case seen <- f:
			return nil
		case <-k.dead:
			return k.why
		}
	})
	if err := k.post(frame.New("SUBSCRIBE", "id", "0", "destination", k.server.subscribeTo(c, broker.Subscription{}), "ack", "auto", browser, "true")); err != nil {
		return err
	}
	for n := 1; ; n++ {
		select {
		case f := <-seen:
			if f.Get(browser) == "end" {
				return nil
			}
			m, _ := k.server.receive(f, c.Address, nil) // headers that cannot be read are missing
			if !yield(broker.Browsed{Message: m}) || n == o.Most {
				return nil
			}
		case <-k.dead:
			return trouble(k.why)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
