package flow

import (
	"context"
	"fmt"
	"sync"

	"github.com/eipd/eipd/eip"
)

// openDeadLetters gives a flow that names no dead-letter channel the queue
// FLOW.dead. A broker that the process does not use otherwise is opened only when
// a message fails: a flow between adapters needs no broker, and no data directory.
func (r *running) openDeadLetters(ctx context.Context) error {
	name := r.decl.Name + ".dead"
	queue := &Channel{ref: ref{"queue", name}}
	queue.channelBlock = newChannel()
	queue.Address = name
	d := &deadLetters{running: r, queue: queue, on: r.sourceBroker(), endpoint: endpoint{ref: queue.ref}}
	r.deadLetter = d
	if r.process.openBroker(d.on) != nil {
		return d.open(ctx)
	}
	return nil
}

// sourceBroker is the broker that the flow's messages come from, where dead
// letters stay when nothing else is said; the default one, if they come from an
// adapter.
func (r *running) sourceBroker() *Broker {
	for _, from := range r.decl.From {
		if ch := r.process.config.Channels[from.String()]; ch != nil {
			return r.process.config.brokerOf(ch)
		}
	}
	return r.process.config.Brokers[""]
}

type deadLetters struct {
	*running
	queue *Channel
	on    *Broker

	mu       sync.Mutex
	endpoint endpoint
}

func (d *deadLetters) open(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.endpoint.bound != nil {
		return nil
	}
	return d.openChannel(ctx, &d.endpoint, d.queue, d.on)
}

func (d *deadLetters) Handle(ctx context.Context, m *eip.Message) error {
	if err := d.open(ctx); err != nil {
		return fmt.Errorf("open %s: %w", d.queue, err)
	}
	return d.endpoint.Handle(ctx, m)
}
