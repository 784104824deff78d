package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/graph"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

var _ control.Process = (*Host)(nil)

// Brokers says how the brokers do that are in use.
func (h *Host) Brokers() []control.Broker {
	all := []control.Broker{}
	for _, b := range h.brokers.all() {
		s := b.Status()
		all = append(all, control.Broker{Name: cmp.Or(b.declared.Name, "default"), URL: h.secrets.Hide(s.URL), Connected: s.Connected, Waiting: h.secrets.Hide(s.Waiting)})
	}
	slices.SortFunc(all, func(a, b control.Broker) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Files returns the flow files, as they were named, or as they lie in the folder of those
// that were applied.
func (h *Host) Files() []string {
	files := []string{}
	for _, u := range h.all() {
		c, _ := u.now()
		files = append(files, c.Files()...)
	}
	return files
}

// Flows returns the flows that run, or are stopped and can be started.
func (h *Host) Flows() []control.Flow {
	flows := h.flows()
	all := make([]control.Flow, len(flows))
	for i, r := range flows {
		all[i] = r
	}
	return all
}

// Graph returns the Model of all flow files, with switches as they are now.
func (h *Host) Graph() any {
	var all []*graph.Model
	for _, u := range h.all() {
		c, _ := u.now()
		all = append(all, graph.Of(c))
	}
	return graph.Merge(all...)
}

// Channels returns the declared channels, and the dead-letter queues that no file names,
// by name.
func (h *Host) Channels() []control.Channel {
	all := []control.Channel{}
	seen := map[string]bool{}
	for _, u := range h.all() {
		c, flows := u.now()
		add := func(ch *flow.Channel, on *flow.Broker, unused bool) {
			if name := ch.String(); !seen[name] {
				seen[name] = true
				all = append(all, control.Channel{Name: name, Kind: ch.Kind, Address: ch.Address, Broker: cmp.Or(on.Name, "default"), Outside: !on.Inside(), Unused: unused,
					Read: append([]string{}, ch.ReadBy...), Written: append([]string{}, ch.WrittenBy...)})
			}
		}
		for _, name := range c.ChannelNames() {
			add(c.Channels[name], c.BrokerOf(c.Channels[name]), false)
		}
		for _, r := range flows {
			if d := r.implicit(); d != nil {
				add(d.queue, d.on, !d.opened.Load())
			}
		}
	}
	slices.SortFunc(all, func(a, b control.Channel) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// implicit is the dead-letter queue FLOW.dead of a flow that names no other; else nil.
func (r *flowRun) implicit() *deadLetters {
	d, _ := r.deadLetter.(*deadLetters)
	return d
}

// channel opens the broker of a declared channel, or of a FLOW.dead.
func (h *Host) channel(ctx context.Context, name string) (broker.Broker, broker.Channel, error) {
	for _, u := range h.all() {
		c, flows := u.now()
		if ch := c.Channels[name]; ch != nil {
			b, err := u.broker(ctx, nil, c.BrokerOf(ch))
			return b, c.Spec(ch), err
		}
		for _, r := range flows {
			if d := r.implicit(); d != nil && d.queue.String() == name {
				spec := c.Spec(d.queue)
				spec.Declare = false // it is there, as it is
				b, err := u.broker(ctx, nil, d.on)
				return b, spec, err
			}
		}
	}
	return nil, broker.Channel{}, eip.Permanent(fmt.Errorf("there is no channel %s", name))
}

// Inject puts m into a declared channel.
func (h *Host) Inject(ctx context.Context, channel string, m *eip.Message) error {
	b, ch, err := h.channel(ctx, channel)
	if err != nil {
		return err
	}
	sender, err := b.Sender(ctx, ch)
	if err != nil {
		return err
	}
	return errors.Join(eip.Await(ctx, sender, m), sender.Close())
}

// Source takes messages from a declared queue; so many at once. It makes none that is not
// there.
func (h *Host) Source(ctx context.Context, queue string, prefetch int) (broker.Source, error) {
	b, ch, err := h.channel(ctx, queue)
	if err != nil {
		return nil, err
	}
	ch.Declare = false
	return b.Source(ctx, ch, broker.Subscription{Prefetch: prefetch})
}

// Look finds a declared queue, or a FLOW.dead, to be looked into.
func (h *Host) Look(ctx context.Context, queue string) (control.Look, error) {
	b, ch, err := h.channel(ctx, queue)
	if err != nil {
		return control.Look{}, err
	}
	browser, err := deadletter.Queue{Name: queue, On: b, Channel: ch}.Browser()
	return control.Look{Queue: queue, At: ch, Browser: browser}, err
}

// Reads reports whether a flow may read what is sent to an address: that of a
// queue, of a subscription, or of what failed.
func (h *Host) Reads(address string) bool {
	return slices.ContainsFunc(h.all(), func(u *Unit) bool {
		c, _ := u.now()
		return slices.Contains(read(c), address)
	})
}

// read are the addresses that flows of a Config may read.
func read(c *flow.Config) (all []string) {
	add := func(ch *flow.Channel) {
		if ch != nil {
			all = append(all, ch.Address)
		}
	}
	for _, ch := range c.Channels {
		add(c.DeadLetterOf(ch))
	}
	for _, f := range c.Flows {
		add(f.DeadQueue())
		for _, e := range f.Endpoints {
			if f.IsLastResort(e.Ref) {
				add(c.Channels[e.String()])
			}
		}
		for _, from := range f.From {
			ch := c.Channels[from.String()]
			if add(ch); ch != nil && ch.Kind == "topic" {
				all = append(all, ch.Address+"."+f.Subscription)
			}
		}
	}
	return all
}

// Draining reports whether the Host is about to end.
func (h *Host) Draining() bool { return h.context.Err() != nil }

// Trace has every step of Test Messages told to f.
func (h *Host) Trace(f func(control.Step)) { h.steps.Store(&f) }

func (h *Host) step(s control.Step) {
	if f := h.steps.Load(); f != nil {
		s.Test, _ = s.Message.Headers[header.Test].(string)
		(*f)(s)
	}
}
