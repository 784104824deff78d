package flowtest

import (
	"context"
	"fmt"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
)

// caller takes the reply to a request that the test sent.
type caller struct {
	mu    sync.Mutex
	reply *eip.Message
	way   *step
}

// Reply is what a flow answers to a request that came by no channel.
func (c *caller) Reply(_ context.Context, _, reply *eip.Message) error {
	c.take(reply, nil)
	return nil
}

func (c *caller) take(reply *eip.Message, way *step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reply == nil {
		c.reply, c.way = detached(reply), way
	}
}

func (c *caller) got() (reply *eip.Message, way *step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reply, c.way
}

// call sends a request, and judges the reply.
func (r *rig) call(one *task, b *callBlock) {
	c := &caller{}
	m := r.message(one.to, &b.messageBlock, b.Body, 0)
	if one.to.kind == queue {
		in, err := r.inbox(one.to)
		if err != nil {
			r.fail(one, broken, fmt.Sprintf("call %s: %v", one.label, err))
			return
		}
		m = m.With(func(m *eip.Message) {
			m.ReplyTo = in.Address()
			if m.CorrelationID == "" {
				m.CorrelationID = m.ID
			}
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				reply, err := in.Receive(ctx)
				if err != nil {
					return
				}
				way := eip.Derive(reply, func(*eip.Message) came { return came{} })
				eip.Deliver(ctx, eip.HandlerFunc(func(_ context.Context, reply *eip.Message) error {
					c.take(reply, way.step)
					return nil
				}), reply)
			}
		}()
		defer func() {
			cancel()
			<-done
			_ = in.Close() // of the test's own broker
		}()
	} else {
		m = m.WithReplier(c)
	}
	if err := r.putAll(one.to, m); err != nil {
		r.fail(one, broken, fmt.Sprintf("call %s: %v", one.label, err))
		return
	}
	reply, way := c.got()
	for until := r.clock.Now().Add(b.Within); reply == nil && !r.over() && r.clock.next(until); reply, way = c.got() {
	}
	switch {
	case reply == nil:
		r.fail(one, expectation, append([]string{fmt.Sprintf("%s: no reply came within %s", one.label, flow.ShortDuration(b.Within))}, r.whereabouts(nil)...)...)
	case b.Reply != nil:
		if wrong := r.mismatch(b.Reply, reply, way); wrong != nil {
			r.fail(one, expectation, append([]string{fmt.Sprintf("%s: the reply is not as expected", one.label)}, indent(wrong)...)...)
		}
	}
}

// inbox opens one on the broker of a queue.
func (r *rig) inbox(of target) (eip.Inbox, error) {
	c := r.places.config
	ch := c.Channels[of.String()]
	if ch == nil {
		return nil, fmt.Errorf("no file declares the queue")
	}
	b, err := r.brokerOf(c.BrokerOf(ch))
	if err != nil {
		return nil, err
	}
	return b.Inbox(context.Background(), "")
}
