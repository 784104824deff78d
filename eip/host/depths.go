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

// A survey is what brokers are asked for.
type survey struct {
	seen map[control.Depth]bool
	of   map[broker.Broker]*questions
}

type questions struct {
	about []control.Depth
	items []broker.Item
}

func (h *Host) lookAtDepths(ctx context.Context) (found []control.Depth) {
	s := survey{map[control.Depth]bool{}, map[broker.Broker]*questions{}}
	for _, r := range h.flows() {
		s.ask(r)
	}
	for open, q := range s.of {
		deep, ok := open.(broker.Deep)
		if !ok {
			continue
		}
		for i, depth := range deep.Depths(ctx, q.items) {
			d := q.about[i]
			d.Messages, d.Oldest = depth.Messages, math.Round(depth.Oldest.Seconds()*10)/10
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b control.Depth) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Subscription, b.Subscription))
	})
	return found
}

// ask asks for what a flow uses.
func (s *survey) ask(r *flowRun) {
	c := r.config
	for _, from := range r.decl.From {
		if ch := c.Channels[from.String()]; ch != nil && ch.Kind == "topic" {
			claim := r.claim()
			s.add(r, ch, c.BrokerOf(ch), &claim)
		} else if ch != nil {
			s.add(r, ch, c.BrokerOf(ch), nil)
		}
	}
	for _, e := range r.decl.Endpoints {
		if ch := c.Channels[e.String()]; ch != nil {
			s.add(r, ch, c.BrokerOf(ch), nil)
		}
	}
	if d := r.implicit(); d != nil && d.opened.Load() {
		s.add(r, d.queue, d.on, nil)
	}
}

// add asks for a queue, or a subscription of a topic, and for where their dead letters go.
func (s *survey) add(r *flowRun, ch *flow.Channel, on *flow.Broker, sub *broker.Subscription) {
	d := control.Depth{Channel: ch.String()}
	if sub != nil {
		d.Subscription = r.decl.Subscription
	}
	open := r.unit.openBroker(on)
	if s.seen[d] || open == nil {
		return
	}
	s.seen[d] = true
	if s.of[open] == nil {
		s.of[open] = &questions{}
	}
	if q := s.of[open]; sub != nil || ch.Kind == "queue" {
		q.about, q.items = append(q.about, d), append(q.items, broker.Item{Channel: r.config.Spec(ch), Subscription: sub})
	}
	if dead := r.config.DeadLetterOf(ch); dead != nil {
		s.add(r, dead, r.config.BrokerOf(dead), nil)
	}
}
