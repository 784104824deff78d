package flow

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
)

// checkSource checks that an adapter can be what a flow takes messages from.
func (d *decoder) checkSource(a *Adapter, r *located) bool {
	if _, ok := a.Component.(adapter.SourceOpener); !ok {
		return d.fail(problem(r.Range, "Adapter is no source", "No messages come from an adapter of the kind %q; it can only be sent to.", a.Kind))
	}
	if c, ok := a.Component.(adapter.SourceChecker); ok {
		if err := c.CheckSource(); err != nil {
			d.blame(a.block, place{what: fmt.Sprintf("adapter %q, read by the flow %q,", a.Kind, d.flow.Name)}, err)
			return false
		}
	}
	return true
}

// checkSink checks that an adapter can be sent to.
func (c *Config) checkSink(d *decoder, r *located) bool {
	a := c.Adapters[r.Name]
	if a == nil || a.unsound {
		return false // its own error was reported
	}
	if _, ok := a.Component.(adapter.SinkOpener); !ok {
		return d.fail(problem(r.Range, "Adapter is no destination", "Nothing can be sent to an adapter of the kind %q; messages only come from it.", a.Kind))
	}
	if check, ok := a.Component.(adapter.SinkChecker); ok {
		if err := check.CheckSink(); err != nil {
			var option *eip.OptionError
			if !errors.As(err, &option) { // the expression's own error stands there already
				return d.diags.HasErrors() || d.fail(problem(r.Range, "Wrong option", "%s", sentence(d.say(a.Range, err.Error()))))
			}
			d.blame(a.block, place{what: fmt.Sprintf("adapter %q, sent to by the flow %q,", a.Kind, d.flow.Name)}, err)
			return false
		}
	}
	return true
}

// unshared has a subscription of a process' own last no longer than the process, and
// refuses to be told otherwise.
func (d *decoder) unshared(f *Flow) {
	if f.Shared || !f.Durable {
		return
	}
	f.Durable = false
	if at := d.given(f, "durable"); at != nil {
		d.fail(problem(*at, "Wrong option", "A subscription with shared = false goes with its process, so it is never durable. Leave one of both out."))
	}
}

// given returns where a flow's block gives an option a value; nil where it does not.
func (d *decoder) given(f *Flow, option string) *hcl.Range {
	a := optionOf(f.block, option)
	if a == nil {
		return nil
	}
	if v, ok := d.evaluate(a.Expr); !ok || v.IsNull() {
		return nil
	}
	at := a.Expr.Range()
	return &at
}

// check looks at the configuration as a whole.
func (d *decoder) check() {
	d.checkChannels()
	d.checkSingle()
	d.checkReads()
	d.checkClaims()
	d.checkSubscriptions()
	for _, f := range d.config.Flows {
		d.checkPatience(f)
		d.checkWindow(f)
		d.checkRemembered(f)
	}
	d.use()
	d.checkReplies()
	d.checkInboxes()
	d.checkUse()
	d.checkMemory()
	d.checkDatatypes()
	d.warn()
	d.checkCycles()
}

// checkDeadLetter checks a queue's own dead-letter queue.
func (d *decoder) checkDeadLetter(ch *Channel) bool {
	at, dead := ch.DeadLetter.At, d.config.DeadLetterOf(ch)
	switch {
	case at == nil:
		return true
	case dead == ch:
		return d.fail(problem(at.Range, "Wrong channel", "%s cannot be its own dead-letter queue. Name another one.", ch))
	case d.config.BrokerOf(dead).URL != d.config.BrokerOf(ch).URL:
		return d.fail(problem(at.Range, "Wrong channel", "The broker itself moves dead letters, so %s must be on the same broker as %s. Set its broker to the same.", dead, ch))
	}
	return true
}

// checkChannels asks each channel's transport what it thinks of it.
func (d *decoder) checkChannels() {
	for _, name := range d.config.ChannelNames() {
		ch := d.config.Channels[name]
		_, t, err := broker.Lookup(d.config.BrokerOf(ch).URL)
		if !d.checkDeadLetter(ch) || err != nil {
			continue
		}
		if err := t.CheckChannel(d.config.Spec(ch), nil); err != nil {
			d.fail(problem(ch.Range, "Wrong channel", "The %s %q: %s", ch.Kind, ch.Name, sentence(d.say(ch.Range, err.Error()))))
		}
	}
}

// warn says what each channel's transport warns of.
func (d *decoder) warn() {
	for _, name := range d.config.ChannelNames() {
		ch := d.config.Channels[name]
		_, t, err := broker.Lookup(d.config.BrokerOf(ch).URL)
		if err != nil || t.Warn == nil {
			continue
		}
		type reader struct {
			at hcl.Range
			s  *broker.Subscription
		}
		readers := []reader{{ch.Range, nil}}
		for _, f := range d.config.Flows {
			if slices.Contains(ch.ReadBy, f.Name) {
				s := f.Claim()
				if ch.Kind == "queue" {
					readers = []reader{{ch.Range, &s}} // all read it alike
				} else {
					readers = append(readers, reader{f.Range, &s})
				}
			}
		}
		for _, r := range readers {
			what := fmt.Sprintf("The %s %q", ch.Kind, ch.Name)
			if r.s != nil && ch.Kind == "topic" {
				what = fmt.Sprintf("The subscription %q to %s", r.s.Name, ch)
			}
			for _, w := range t.Warn(d.config.Spec(ch), r.s, d.config.BrokerOf(ch).QueueType) {
				d.diags = append(d.diags, warning(r.at, "Messages may get lost", "%s: %s", what, sentence(d.say(r.at, w))))
			}
		}
	}
}

// use notes which flows read and write each channel.
func (d *decoder) use() {
	for _, f := range d.config.Flows {
		for _, r := range f.From {
			if ch := d.config.Channels[r.String()]; ch != nil {
				ch.ReadBy = append(ch.ReadBy, f.Name)
			}
		}
		for _, e := range f.Endpoints {
			if ch := d.config.Channels[e.String()]; ch != nil {
				ch.WrittenBy = append(ch.WrittenBy, f.Name)
			}
		}
		for _, s := range eip.Walk(f.Stages()) {
			if ch := d.config.readBy(s); ch != nil {
				ch.ReadBy = append(ch.ReadBy, f.Name)
			}
		}
	}
	if ch := d.config.ControlTopic(); ch != nil {
		ch.ReadBy = append(ch.ReadBy, "control_bus")
		ch.WrittenBy = append(ch.WrittenBy, "control_bus")
	}
	for _, ch := range d.config.Channels {
		if dead := d.config.DeadLetterOf(ch); dead != nil {
			dead.WrittenBy = append(dead.WrittenBy, ch.String())
		}
	}
}

// checkUse warns of channels that lead nowhere. What nobody here reads or writes
// may well be used from outside, where the broker has an outside.
func (d *decoder) checkUse() {
	for _, name := range d.config.ChannelNames() {
		ch := d.config.Channels[name]
		inside := d.config.BrokerOf(ch).Inside()
		switch {
		case len(ch.ReadBy) == 0 && len(ch.WrittenBy) == 0:
			d.diags = append(d.diags, warning(ch.Range, "Unused channel", "No flow reads or writes %s.", name))
		case len(ch.ReadBy) == 0 && inside && !d.isLastResort(ch):
			d.diags = append(d.diags, warning(ch.Range, "Nobody reads it", "Messages are sent to %s, and no flow reads it.", name))
		case len(ch.WrittenBy) == 0 && inside:
			d.diags = append(d.diags, warning(ch.Range, "Nobody writes it", "The flow %s reads %s, and no flow sends anything to it.", ch.ReadBy[0], name))
		}
	}
	used := map[Ref]bool{}
	for _, f := range d.config.Flows {
		for _, r := range f.Refs() {
			used[r] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.config.Adapters)) {
		if !used[Ref{"adapter", name}] {
			d.diags = append(d.diags, warning(d.config.Adapters[name].Range, "Unused adapter", "No flow reads or writes adapter.%s.", name))
		}
	}
}

// isLastResort reports whether a channel only takes what failed: nobody needs to
// read it.
func (d *decoder) isLastResort(ch *Channel) bool {
	for _, f := range d.config.Flows {
		if slices.Contains(ch.WrittenBy, f.Name) && f.SendsTo(ch.Ref) {
			return false
		}
	}
	return true
}

// steps says how often stages of a flow name a channel to which they send messages as often
// only as the slips of these say: they leave any circle.
func steps(f *Flow) map[string]int {
	all := map[string]int{}
	for _, s := range eip.Walk(f.Stages()) {
		if s, ok := s.(interface{ Steps() []eip.Target }); ok {
			for _, t := range s.Steps() {
				all[t.Name]++
			}
		}
	}
	return all
}

// checkCycles warns of messages that may go round in circles.
func (d *decoder) checkCycles() {
	readers := map[string][]*Flow{}
	for _, f := range d.config.Flows {
		for _, r := range f.From {
			readers[r.String()] = append(readers[r.String()], f)
		}
	}
	state := map[*Flow]int{}
	var path []string
	var visit func(f *Flow)
	visit = func(f *Flow) {
		state[f] = 1
		path = append(path, f.Name)
		for _, e := range f.Endpoints {
			if e.Kind == "adapter" || f.uses[e.Ref]-f.lastResort[e.Ref] <= steps(f)[e.String()] {
				continue
			}
			for _, next := range readers[e.String()] {
				switch state[next] {
				case 0:
					visit(next)
				case 1:
					round := append(slices.Clone(path[slices.Index(path, next.Name):]), next.Name)
					d.diags = append(d.diags, warning(next.Range, "Messages may go in circles",
						"What the flow %q sends can come back to it: %s. Make sure that each message leaves the circle some time.", next.Name, strings.Join(round, " → ")))
				}
			}
		}
		path = path[:len(path)-1]
		state[f] = 2
	}
	for _, f := range d.config.Flows {
		if state[f] == 0 {
			visit(f)
		}
		for _, r := range f.From {
			if f.IsLastResort(r.Ref) {
				d.diags = append(d.diags, warning(f.Range, "Messages may go in circles",
					"What fails in the flow %q comes back to it, as it reads %s. Send it elsewhere, or it may fail for ever.", f.Name, r))
			}
		}
	}
}
