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

func optionError(option string, err error) error { return &eip.OptionError{Option: option, Err: err} }

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
	a := c.Adapters[r.name]
	if a == nil {
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

// check looks at the configuration as a whole.
func (d *decoder) check() {
	d.checkChannels()
	d.checkReads()
	d.checkClaims()
	d.checkSubscriptions()
	for _, f := range d.config.Flows {
		d.checkWindow(f)
		d.checkPatience(f)
	}
	d.use()
	d.checkUse()
	d.warn()
	d.checkCycles()
}

// checkDeadLetter checks a queue's own dead-letter queue.
func (d *decoder) checkDeadLetter(ch *Channel) bool {
	at := ch.DeadLetter.At
	if at == nil {
		return true
	}
	dead := d.config.Channels[at.String()]
	switch {
	case dead == ch:
		return d.fail(problem(at.Range, "Wrong channel", "%s cannot be its own dead-letter queue. Name another one.", ch))
	case d.config.brokerOf(dead).URL != d.config.brokerOf(ch).URL:
		return d.fail(problem(at.Range, "Wrong channel", "The broker itself moves dead letters, so %s must be on the same broker as %s. Set its broker to the same.", dead, ch))
	}
	return true
}

// checkChannels asks each channel's transport what it thinks of it.
func (d *decoder) checkChannels() {
	for _, name := range d.config.ChannelNames() {
		ch := d.config.Channels[name]
		_, t, err := broker.Lookup(d.config.brokerOf(ch).URL)
		if !d.checkDeadLetter(ch) || err != nil {
			continue
		}
		if err := t.CheckChannel(d.config.spec(ch), nil); err != nil {
			d.fail(problem(ch.Range, "Wrong channel", "The %s %q: %s", ch.kind, ch.name, sentence(d.say(ch.Range, err.Error()))))
		}
	}
}

// warn says what each channel's transport warns of.
func (d *decoder) warn() {
	for _, name := range d.config.ChannelNames() {
		ch := d.config.Channels[name]
		_, t, err := broker.Lookup(d.config.brokerOf(ch).URL)
		if err != nil || t.Warn == nil {
			continue
		}
		type reader struct {
			at hcl.Range
			s  *broker.Subscription
		}
		readers := []reader{{ch.Range, nil}}
		for _, f := range d.config.Flows {
			if slices.Contains(ch.read, f.Name) {
				s := f.subscription()
				if ch.kind == "queue" {
					readers = []reader{{ch.Range, &s}} // all read it alike
				} else {
					readers = append(readers, reader{f.Range, &s})
				}
			}
		}
		for _, r := range readers {
			what := fmt.Sprintf("The %s %q", ch.kind, ch.name)
			if r.s != nil && ch.kind == "topic" {
				what = fmt.Sprintf("The subscription %q to %s", r.s.Name, ch)
			}
			for _, w := range t.Warn(d.config.spec(ch), r.s, d.config.brokerOf(ch).QueueType) {
				d.diags = append(d.diags, warning(r.at, "Messages may get lost", "%s: %s", what, sentence(d.say(r.at, w))))
			}
		}
	}
}

// checkWindow refuses a flow that would wait for ever: a stage that holds messages
// until others come needs a window that lets these others in.
func (d *decoder) checkWindow(f *Flow) {
	held := 0
	_ = eip.Walk(f.Body.Stages, func(_ string, s eip.Stage) error {
		if b, ok := s.(eip.Bounded); ok {
			held += b.MaxHeld()
		}
		return nil
	})
	if held >= f.Prefetch {
		d.fail(problem(f.Range, "Window too small", "The stages of the flow %q may hold %d messages while they wait for more, and its prefetch lets in %d. Set prefetch to more than %d.",
			f.Name, held, f.Prefetch, held))
	}
}

// use notes which flows read and write each channel.
func (d *decoder) use() {
	for _, f := range d.config.Flows {
		for _, r := range f.From {
			if ch := d.config.Channels[r.String()]; ch != nil {
				ch.read = append(ch.read, f.Name)
			}
		}
		for _, e := range f.order {
			if ch := d.config.Channels[e.String()]; ch != nil {
				ch.written = append(ch.written, f.Name)
			}
		}
	}
	if c := d.config.control; c != nil && c.Topic.At != nil {
		if ch := d.config.Channels[c.Topic.At.String()]; ch != nil {
			ch.read = append(ch.read, "control_bus")
			ch.written = append(ch.written, "control_bus")
		}
	}
	for _, ch := range d.config.Channels {
		if ch.DeadLetter.At != nil {
			dead := d.config.Channels[ch.DeadLetter.At.String()]
			dead.written = append(dead.written, ch.String())
		}
	}
}

// checkUse warns of channels that lead nowhere. What nobody here reads or writes
// may well be used from outside, where the broker has an outside.
func (d *decoder) checkUse() {
	for _, name := range d.config.ChannelNames() {
		ch := d.config.Channels[name]
		inside := inside(d.config.brokerOf(ch).URL)
		switch {
		case len(ch.read) == 0 && len(ch.written) == 0:
			d.diags = append(d.diags, warning(ch.Range, "Unused channel", "No flow reads or writes %s.", name))
		case len(ch.read) == 0 && inside && !d.isLastResort(ch):
			d.diags = append(d.diags, warning(ch.Range, "Nobody reads it", "Messages are sent to %s, and no flow reads it.", name))
		case len(ch.written) == 0 && inside:
			d.diags = append(d.diags, warning(ch.Range, "Nobody writes it", "The flow %s reads %s, and no flow sends anything to it.", ch.read[0], name))
		}
	}
	used := map[string]bool{}
	for _, f := range d.config.Flows {
		for _, r := range f.From {
			used[r.String()] = true
		}
		for _, e := range f.order {
			used[e.String()] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.config.Adapters)) {
		if !used["adapter."+name] {
			d.diags = append(d.diags, warning(d.config.Adapters[name].Range, "Unused adapter", "No flow reads or writes adapter.%s.", name))
		}
	}
}

// inside reports whether a broker lives in the process.
func inside(url string) bool {
	return strings.HasPrefix(url, "memory:") || strings.HasPrefix(url, "embedded:")
}

// isLastResort reports whether a channel only takes what failed: nobody needs to
// read it.
func (d *decoder) isLastResort(ch *Channel) bool {
	for _, f := range d.config.Flows {
		if slices.Contains(ch.written, f.Name) && f.sendsTo(ch.ref) {
			return false
		}
	}
	return true
}

// sendsTo reports whether a flow's stages or its `to` name a channel, apart from
// its dead-letter and invalid-message channels.
func (f *Flow) sendsTo(r ref) bool { return f.lastResort[r] < f.uses[r] }

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
		for _, e := range f.order {
			if e.kind == "adapter" || !f.sendsTo(e.ref) {
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
			if f.lastResort[r.ref] > 0 {
				d.diags = append(d.diags, warning(f.Range, "Messages may go in circles",
					"What fails in the flow %q comes back to it, as it reads %s. Send it elsewhere, or it may fail for ever.", f.Name, r))
			}
		}
	}
}
