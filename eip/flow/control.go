package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/manage/control"
)

var (
	_ control.Process = (*Process)(nil)
	_ control.Deep    = (*Process)(nil)
	_ control.Flow    = (*running)(nil)
)

// Brokers says how the brokers do that are in use.
func (p *Process) Brokers() []control.Broker {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := []control.Broker{}
	for b, open := range p.brokers {
		s := open.Status()
		all = append(all, control.Broker{Name: orElse(b.Name, "default"), URL: p.config.Redact(s.URL), Connected: s.Connected, Waiting: p.config.Redact(s.Waiting)})
	}
	slices.SortFunc(all, func(a, b control.Broker) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Flows returns the flows that run, or are stopped and can be started.
func (p *Process) Flows() []control.Flow {
	flows := p.all()
	all := make([]control.Flow, len(flows))
	for i, r := range flows {
		all[i] = r
	}
	return all
}

// Channels returns the declared channels, by name.
func (p *Process) Channels() []control.Channel {
	all := []control.Channel{}
	seen := map[string]bool{}
	for _, p := range p.withGuests() {
		add := func(name string, ch *Channel, on *Broker) {
			if !seen[name] {
				seen[name] = true
				all = append(all, control.Channel{Name: name, Kind: ch.kind, Address: ch.Address, Broker: orElse(on.Name, "default"), Outside: !inside(on.URL),
					Read: append([]string{}, ch.read...), Written: append([]string{}, ch.written...)})
			}
		}
		for _, name := range p.config.ChannelNames() {
			add(name, p.config.Channels[name], p.config.brokerOf(p.config.Channels[name]))
		}
		for _, d := range p.implicit() {
			add(d.queue.String(), d.queue, d.on)
		}
	}
	slices.SortFunc(all, func(a, b control.Channel) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// implicit are the dead-letter queues FLOW.dead that are open.
func (p *Process) implicit() (all []*deadLetters) {
	for _, r := range p.flows {
		if d, ok := r.deadLetter.(*deadLetters); ok && d.opened.Load() {
			all = append(all, d)
		}
	}
	return all
}

// channel opens the broker of a declared channel, or of a FLOW.dead.
func (p *Process) channel(ctx context.Context, name string) (broker.Broker, broker.Channel, error) {
	for _, p := range p.withGuests() {
		if ch := p.config.Channels[name]; ch != nil {
			b, err := p.broker(ctx, p.config.brokerOf(ch))
			return b, p.config.spec(ch), err
		}
		for _, d := range p.implicit() {
			if d.queue.String() == name {
				spec := p.config.spec(d.queue)
				spec.Declare = false // it is there, as it is
				b, err := p.broker(ctx, d.on)
				return b, spec, err
			}
		}
	}
	return nil, broker.Channel{}, eip.Permanent(fmt.Errorf("there is no channel %s", name))
}

// Inject puts m into a declared channel.
func (p *Process) Inject(ctx context.Context, channel string, m *eip.Message) error {
	b, ch, err := p.channel(ctx, channel)
	if err != nil {
		return err
	}
	sender, err := b.Sender(ctx, ch)
	if err != nil {
		return err
	}
	settled := make(chan error, 1)
	eip.Deliver(ctx, sender, m.Fork(func(err error) { settled <- err }))
	select {
	case err = <-settled:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return errors.Join(err, sender.Close())
}

// Source takes messages from a declared queue; so many at once.
func (p *Process) Source(ctx context.Context, queue string, prefetch int) (broker.Source, error) {
	b, ch, err := p.channel(ctx, queue)
	if err != nil {
		return nil, err
	}
	return b.Source(ctx, ch, broker.Subscription{Prefetch: prefetch})
}

// Reads reports whether a flow may read what is sent to an address: that of a
// queue, of a subscription, or of what failed.
func (p *Process) Reads(address string) bool {
	for _, p := range p.withGuests() {
		c := p.config
		at := func(r ref) bool { return c.Channels[r.String()] != nil && c.Channels[r.String()].Address == address }
		for _, f := range c.Flows {
			if implicitDeadLetters(f.Name).Address == address {
				return true
			}
			for r := range f.lastResort {
				if at(r) {
					return true
				}
			}
			for _, from := range f.From {
				if ch := c.Channels[from.String()]; at(from.ref) || ch != nil && ch.kind == "topic" && ch.Address+"."+f.Subscription == address {
					return true
				}
			}
		}
		for _, ch := range c.Channels {
			if ch.DeadLetter.At != nil && at(ch.DeadLetter.At.ref) {
				return true
			}
		}
	}
	return false
}

// Draining reports whether the process is about to end.
func (p *Process) Draining() bool { return p.stopping.Load() }

// Trace has every step of Test Messages told to f.
func (p *Process) Trace(f func(control.Step)) { p.steps.Store(&f) }

func (p *Process) step(s control.Step) {
	if f := p.root().steps.Load(); f != nil {
		s.Test, _ = s.Message.Headers[eip.HeaderTest].(string)
		(*f)(s)
	}
}

// Name is the flow's.
func (r *running) Name() string { return r.decl.Name }

// From returns what the flow reads.
func (r *running) From() []string {
	names := make([]string, len(r.decl.From))
	for i, f := range r.decl.From {
		names[i] = f.String()
	}
	return names
}

// To returns what the flow sends to, but for what failed.
func (r *running) To() []string {
	names := []string{}
	for _, e := range r.decl.order {
		if r.decl.sendsTo(e.ref) {
			names = append(names, e.String())
		}
	}
	return names
}

// Stages returns the flow's stages.
func (r *running) Stages() (all []control.Stage) {
	eip.WalkNamed(r.decl.Body.Stages, func(n *eip.Named) {
		st := control.Stage{Named: n, Kind: r.decl.stageKinds[n.Address]}
		if s, ok := schema.SettableOf(n.Stage); ok {
			st.Settable = s
		}
		all = append(all, st)
	})
	return all
}

// Counts returns what became of the flow's messages.
func (r *running) Counts() (business, tests eip.Counts) { return r.flow.Counts() }

// Latency returns how long messages took.
func (r *running) Latency() *eip.Histogram { return r.flow.Latency() }

// Watch has f see every message that the flow receives.
func (r *running) Watch(f func(*eip.Message)) { r.flow.Watch(f) }

// Inject passes m through the flow.
func (r *running) Inject(m *eip.Message) error {
	return r.flow.Inject(m.With(func(m *eip.Message) {
		if m.Channel == "" {
			m.Channel = "control_bus"
		}
	}))
}

// Replay passes a dead letter through the flow.
func (r *running) Replay(m *eip.Message, failed func()) error { return r.flow.Replay(m, failed) }

// traced tells the control bus what became of a Test Message.
func (r *running) traced(m *eip.Message, how eip.Outcome, err error) {
	s := control.Step{Flow: r.decl.Name, Outcome: how, Err: err, Message: m}
	var at *eip.StageError
	if errors.As(err, &at) {
		s.Stage = at.Address
	}
	r.process.step(s)
}

// sentTo tells the control bus where a Test Message came out.
func (r *running) sentTo(to ref, m *eip.Message, keptOut bool) {
	s := control.Step{Flow: r.decl.Name, To: to.String(), KeptOut: keptOut, Message: m}
	if ch := r.process.config.Channels[to.String()]; ch != nil {
		s.Outside = !inside(r.process.config.brokerOf(ch).URL)
		for _, other := range r.process.root().all() {
			if slices.Contains(other.From(), to.String()) {
				s.Readers++
			}
		}
		if ch.kind == "queue" { // they compete
			s.Readers = min(s.Readers, 1)
		}
	}
	r.process.step(s)
}
