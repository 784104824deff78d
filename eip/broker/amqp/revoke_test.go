package amqp_test

import (
	"context"
	"errors"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/amqp"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// What a lost consumer had under way is not published on, where the broker
// delivers it again; and only there.
func TestRevoked(t *testing.T) {
	n := rabbit.Shared(t)
	for name, c := range map[string]struct {
		second  amqp091.Publishing // what comes behind the message
		edit    func(*broker.Channel)
		fault   func(*testing.T, *netfault.Proxy, broker.Channel)
		revoked bool
	}{
		"cut":           {fault: cut, revoked: true},
		"rejecting":     {fault: cut, edit: func(c *broker.Channel) { c.MaxLength = 10 }, revoked: true},
		"not_lasting":   {second: amqp091.Publishing{DeliveryMode: amqp091.Transient}, fault: cut},
		"expiring":      {second: amqp091.Publishing{Expiration: "60000"}, fault: cut},
		"ttl":           {fault: cut, edit: func(c *broker.Channel) { c.TTL = time.Minute }},
		"dropping":      {fault: cut, edit: func(c *broker.Channel) { c.Arguments = map[string]any{"x-max-length": int64(10)} }},
		"not_declared":  {fault: cut, edit: func(c *broker.Channel) { c.Declare = false }},
		"queue_deleted": {fault: deleteQueue},
	} {
		t.Run(name, func(t *testing.T) {
			network := netfault.Start(t, n.Address())
			b := open(t, config(t, "amqp://guest:guest@"+network.Address()+"/?heartbeat=1"))
			t.Cleanup(func() { b.Close() })
			in, out := queue(t, "in"), queue(t, "out")
			ch := n.Channel(t)
			if c.edit != nil {
				c.edit(&in)
			}
			if !in.Declare {
				if _, err := ch.QueueDeclare(in.Address, true, false, false, false, nil); err != nil {
					t.Fatal(err)
				}
			}
			src, err := b.Source(t.Context(), in, broker.Subscription{})
			if err != nil {
				t.Fatal(err)
			}
			to, err := b.Sender(t.Context(), out)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []amqp091.Publishing{{}, {}, c.second} {
				if p.DeliveryMode == 0 {
					p.DeliveryMode = amqp091.Persistent
				}
				if err := ch.Publish("", in.Address, true, false, p); err != nil {
					t.Fatal(err)
				}
			}
			done, err := src.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			m, err := src.Receive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			last, err := src.Receive(t.Context()) // m must not come after it
			if err != nil {
				t.Fatal(err)
			}
			copied := done.Fork(nil)
			eip.Deliver(t.Context(), eip.Discard, done)
			if m.Revoked() || done.Revoked() {
				t.Error("revoked before anything happened")
			}
			c.fault(t, network, in)
			ctx, stop := context.WithCancel(t.Context())
			received := make(chan struct{})
			go func() { // consumes anew
				defer close(received)
				_, _ = src.Receive(ctx)
			}()
			until(t, "it consumes again", func() bool {
				q, err := n.Channel(t).QueueDeclarePassive(in.Address, true, false, false, false, nil)
				return err == nil && q.Consumers == 1
			})
			if m.Revoked() != c.revoked || last.Revoked() != c.revoked {
				t.Errorf("revoked: %v and %v, want %v", m.Revoked(), last.Revoked(), c.revoked)
			}
			if done.Revoked() || copied.Revoked() {
				t.Error("what was settled is revoked")
			}
			if m.Fork(nil).Revoked() != c.revoked {
				t.Error("a fork differs")
			}
			settled := make(chan error, 1)
			eip.Deliver(t.Context(), to, m.Fork(func(err error) { settled <- err }))
			if err := <-settled; errors.Is(err, eip.ErrRevoked) != c.revoked {
				t.Errorf("published, with %v", err)
			}
			stop()
			<-received
		})
	}
}

// What was given up because its connection was lost stays so, though what may not come again
// is read behind it: that would be published before it.
func TestRevoked_Stays(t *testing.T) {
	network := netfault.Start(t, rabbit.Shared(t).Address())
	b := open(t, config(t, "amqp://guest:guest@"+network.Address()))
	t.Cleanup(func() { b.Close() })
	in := queue(t, "in")
	src, err := b.Source(t.Context(), in, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	if err := rabbit.Shared(t).Channel(t).Publish("", in.Address, true, false, amqp091.Publishing{DeliveryMode: amqp091.Persistent}); err != nil {
		t.Fatal(err)
	}
	m, err := src.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	network.Cut()
	until(t, "it is revoked", m.Revoked)
	if dropped := amqp.Late(src); !dropped || !m.Revoked() {
		t.Errorf("dropped: %v, still revoked: %v", dropped, m.Revoked())
	}
}

func cut(_ *testing.T, network *netfault.Proxy, _ broker.Channel) { network.Cut() }

func deleteQueue(t *testing.T, _ *netfault.Proxy, q broker.Channel) {
	if _, err := rabbit.Shared(t).Channel(t).QueueDelete(q.Address, false, false, false); err != nil {
		t.Fatal(err)
	}
}
