package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// openDeadLetters opens the queue FLOW.dead of a flow that names no dead-letter
// channel. A broker that the process does not use otherwise is opened only when
// a message fails: a flow between adapters needs no broker, and no data directory.
func (r *running) openDeadLetters(ctx context.Context) error {
	d, ok := r.deadLetter.(*deadLetters)
	if !ok || r.process.openBroker(d.on) == nil {
		return nil
	}
	err := d.open(ctx)
	switch {
	case err == nil:
	case d.Trouble() == nil:
		return fmt.Errorf("flow %s: open its dead-letter queue: %w", r.decl.Name, err)
	default:
		r.process.beside.Go(d.keepOpening)
	}
	return nil
}

// keepOpening opens the queue when the broker lets it.
func (d *deadLetters) keepOpening() {
	for wait := first; d.Trouble() != nil; wait = min(2*wait, soon) {
		if d.Trouble().Refused {
			wait = longest
		}
		select {
		case <-time.After(wait):
		case <-d.process.running.Done():
			return
		}
		_ = d.open(d.process.running) // it notes what keeps it
	}
}

// DeadLetters takes messages from the queue for what has failed, or is invalid; so
// many at once. limit is how often the broker delivers one at most: -1 for ever, 0
// nobody knows.
func (r *running) DeadLetters(ctx context.Context, invalid bool, prefetch int) (src broker.Source, limit int64, err error) {
	to, what := r.decl.DeadLetter, "dead letters"
	if invalid && r.decl.Invalid != nil {
		to, what = r.decl.Invalid, "invalid messages"
	}
	on, queue := r.process.config.sourceBroker(r.decl), implicitDeadLetters(r.decl.Name)
	if to != nil {
		e, ok := to.(channelEndpoint)
		if !ok || e.kind != "queue" {
			return nil, 0, eip.Permanent(fmt.Errorf("the flow's %s go to %s, and only a queue can be read back", what, to))
		}
		queue = r.process.config.Channels[e.String()]
		on = r.process.config.brokerOf(queue)
	}
	b, err := r.process.broker(ctx, on)
	if err != nil {
		return nil, 0, err
	}
	spec := r.process.config.spec(queue)
	src, err = b.Source(ctx, spec, broker.Subscription{Prefetch: prefetch})
	return src, deliveryLimit(on, spec), err
}

// deliveryLimit is what the flow file says of it, as DeadLetters returns it.
func deliveryLimit(on *Broker, queue broker.Channel) int64 {
	limit, ok := queue.Arguments["x-delivery-limit"].(int64)
	switch {
	case inside(on.URL), queue.Arguments["x-queue-type"] == "classic", limit < 0:
		return -1
	case ok:
		return max(limit, 1)
	}
	return 0
}

// implicitDeadLetters is the queue FLOW.dead.
func implicitDeadLetters(flow string) *Channel {
	name := flow + ".dead"
	queue := &Channel{ref: ref{"queue", name}}
	queue.channelBlock = newChannel()
	queue.Address = name
	return queue
}

// sourceBroker is the broker that the flow's messages come from, where dead
// letters stay when nothing else is said; the default one, if they come from an
// adapter.
func (c *Config) sourceBroker(f *Flow) *Broker {
	for _, from := range f.From {
		if ch := c.Channels[from.String()]; ch != nil {
			return c.brokerOf(ch)
		}
	}
	return c.Brokers[""]
}

// openBrokerDeadLetter creates where the broker moves what a channel gives up. The
// broker would drop it otherwise, where no flow uses that queue.
func (r *running) openBrokerDeadLetter(ctx context.Context, ch *Channel) error {
	if ch.DeadLetter.At == nil || !ch.Declare {
		return nil
	}
	p := r.process
	dead := p.config.Channels[ch.DeadLetter.At.String()]
	p.mu.Lock()
	opened := p.deadLetters[dead]
	p.deadLetters[dead] = true
	p.mu.Unlock()
	if opened {
		return nil
	}
	err := r.openChannel(ctx, &endpoint{ref: dead.ref}, dead, p.config.brokerOf(dead))
	if err != nil {
		p.mu.Lock()
		delete(p.deadLetters, dead)
		p.mu.Unlock()
	}
	return err
}

type deadLetters struct {
	*running
	queue *Channel
	on    *Broker

	mu       sync.Mutex // held as long as opening takes
	endpoint endpoint
	opened   atomic.Bool
	trouble  atomic.Pointer[broker.Trouble] // with opening it
}

// Trouble is what keeps the queue from taking what fails, which then waits.
func (d *deadLetters) Trouble() *broker.Trouble { return d.trouble.Load() }

func (d *deadLetters) open(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.endpoint.bound != nil {
		return nil
	}
	err := d.openChannel(ctx, &d.endpoint, d.queue, d.on)
	if eip.IsPermanent(err) && d.queue.Declare { // somebody has made it otherwise
		asItIs := *d.queue
		asItIs.Declare = false
		if d.openChannel(ctx, &d.endpoint, &asItIs, d.on) == nil {
			d.process.log.Warn("the dead-letter queue is used as it is", slog.String("flow", d.decl.Name), slog.Any("why", err))
			err = nil
		}
	}
	d.opened.Store(err == nil)
	var t *broker.Trouble
	if errors.As(err, &t) {
		t = &broker.Trouble{Refused: t.Refused, Err: fmt.Errorf("open its dead-letter queue: %w", err)}
		if d.trouble.Load() == nil {
			d.process.log.Warn("flow runs without its dead-letter queue; what fails waits", slog.String("flow", d.decl.Name), slog.Any("why", err))
		}
	}
	d.trouble.Store(t)
	return err
}

func (d *deadLetters) Handle(ctx context.Context, m *eip.Message) error {
	if err := d.open(ctx); err != nil {
		return fmt.Errorf("open %s: %w", d.queue, err)
	}
	return d.endpoint.Handle(ctx, m)
}
