package host

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
)

// depths are what was last found to wait in channels. Brokers are asked when somebody
// wants to know, and not sooner again than after a while.
type depths struct {
	mu    sync.Mutex
	known []control.Depth
	at    time.Time     // when they were found
	asked chan struct{} // closed when brokers have answered; nil while they are not asked
	until time.Time     // who wants to know waits for that
}

const (
	depthsLast    = 5 * time.Second  // that they are good for
	depthsAsk     = 30 * time.Second // that brokers have to answer
	depthsForWait = time.Second      // until who asks gets what was known before
)

// Depths says how much waits in the queues and subscriptions that flows use.
func (h *Host) Depths() []control.Depth {
	d := &h.depths
	d.mu.Lock()
	if old := time.Since(d.at); d.asked == nil && !h.Draining() && (old > depthsLast || h.allInside()) {
		if old > depthsAsk {
			d.known = nil
		}
		asked := make(chan struct{})
		d.asked, d.until = asked, time.Now().Add(depthsForWait)
		go func() {
			defer close(asked)
			ctx, cancel := context.WithTimeout(h.context, depthsAsk)
			defer cancel()
			known := h.lookAtDepths(ctx)
			d.mu.Lock()
			defer d.mu.Unlock()
			d.known, d.at, d.asked = known, time.Now(), nil
		}()
	}
	asked, until := d.asked, d.until
	d.mu.Unlock()
	if asked != nil {
		ctx, cancel := context.WithDeadline(context.Background(), until)
		defer cancel()
		await(ctx, asked, depthsForWait)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known
}

// allInside reports whether all brokers are in this process, where to ask costs nothing.
func (h *Host) allInside() bool {
	return !slices.ContainsFunc(h.brokers.all(), func(b *openBroker) bool {
		_, inside := b.Broker.(broker.Idler)
		return !inside
	})
}

// close waits for who asks; nobody begins to any more.
func (d *depths) close() {
	d.mu.Lock()
	asked := d.asked
	d.mu.Unlock()
	if asked != nil {
		<-asked
	}
}

func (h *Host) lookAtDepths(ctx context.Context) (found []control.Depth) {
	type asked struct {
		of    []control.Depth
		items []broker.Item
	}
	seen, of := map[control.Depth]bool{}, map[broker.Broker]*asked{}
	var add func(r *flowRun, ch *flow.Channel, on *flow.Broker, s *broker.Subscription)
	add = func(r *flowRun, ch *flow.Channel, on *flow.Broker, s *broker.Subscription) {
		d := control.Depth{Channel: ch.String()}
		if s != nil {
			d.Subscription = r.decl.Subscription
		}
		open := r.unit.openBroker(on)
		if seen[d] || open == nil {
			return
		}
		seen[d] = true
		if of[open] == nil {
			of[open] = &asked{}
		}
		if a := of[open]; s != nil || ch.Kind == "queue" {
			a.of, a.items = append(a.of, d), append(a.items, broker.Item{Channel: r.config.Spec(ch), Subscription: s})
		}
		if dead := r.config.DeadLetterOf(ch); dead != nil {
			add(r, dead, r.config.BrokerOf(dead), nil)
		}
	}
	for _, r := range h.flows() {
		c := r.config
		for _, from := range r.decl.From {
			if ch := c.Channels[from.String()]; ch != nil && ch.Kind == "topic" {
				s := r.claim()
				add(r, ch, c.BrokerOf(ch), &s)
			} else if ch != nil {
				add(r, ch, c.BrokerOf(ch), nil)
			}
		}
		for _, e := range r.decl.Endpoints {
			if ch := c.Channels[e.String()]; ch != nil {
				add(r, ch, c.BrokerOf(ch), nil)
			}
		}
		if d := r.implicit(); d != nil && d.opened.Load() {
			add(r, d.queue, d.on, nil)
		}
	}
	for open, a := range of {
		deep, ok := open.(broker.Deep)
		if !ok {
			continue
		}
		for i, depth := range deep.Depths(ctx, a.items) {
			d := a.of[i]
			d.Messages, d.Oldest = depth.Messages, math.Round(depth.Oldest.Seconds()*10)/10
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b control.Depth) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Subscription, b.Subscription))
	})
	return found
}
