package flow

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/internal/replies"
)

// adapterOf returns the adapter that a reference names; nil for a channel.
func (c *Config) adapterOf(r Ref) *Adapter {
	if r.Kind != "adapter" {
		return nil
	}
	return c.Adapters[r.Name]
}

// checkClaims refuses flows that would take the same thing for themselves, like an
// address to listen on: the second could not be opened.
func (d *decoder) checkClaims() {
	taken := map[string]*Flow{}
	for _, f := range d.config.Flows {
		if !f.Enabled {
			continue
		}
		for _, r := range f.From {
			a := d.config.adapterOf(r.Ref)
			if a == nil {
				continue
			}
			c, ok := a.Component.(adapter.Claimer)
			if !ok || c.Claim() == "" {
				continue
			}
			if first := taken[c.Claim()]; first != nil {
				d.fail(problem(r.Range, "Taken twice", "%s takes %s, which the flow %q, at %s, takes already. Let one flow take it and send to a queue or a topic that both read.",
					r, c.Claim(), first.Name, where(first.Range)))
				continue
			}
			taken[c.Claim()] = f
		}
	}
}

// readBy is the channel in which a stage takes replies, or to which it listens; nil: there is
// none.
func (c *Config) readBy(s eip.Stage) *Channel {
	if l, ok := s.(replies.Listening); ok {
		return c.ChannelOf(l.Listens())
	}
	if r, ok := s.(replies.Reading); ok && r.Reads() != nil {
		return c.ChannelOf(r.Reads())
	}
	return nil
}

// checkReplies refuses a second reader of a channel in which a stage takes replies: it
// would take those that the first one waits for.
func (d *decoder) checkReplies() {
	for _, f := range d.config.Flows {
		for n, s := range eip.Walk(f.Stages()) {
			_, listens := s.(replies.Listening)
			switch ch := d.config.readBy(s); {
			case ch == nil:
			case listens && ch.Kind != "topic":
				d.fail(problem(ch.Range, "No topic", "The stage %s listens to a topic, which each process has all of, and %s is none.", n.Address, ch))
			case listens:
			case ch.Kind == "topic":
				d.fail(problem(ch.Range, "No queue", "The stage %s takes replies from a queue, and %s is none.", n.Address, ch))
			case len(ch.ReadBy) > 1 && f.Enabled:
				d.fail(problem(ch.Range, "Read twice", "The stage %s takes replies from %s, so nobody else can read it, but these do: %s.",
					n.Address, ch, strings.Join(ch.ReadBy, ", ")))
			}
		}
	}
}

// checkInboxes refuses a stage that takes replies from several brokers in one inbox.
func (d *decoder) checkInboxes() {
	for _, f := range d.config.Flows {
		for n, s := range eip.Walk(f.Stages()) {
			a, ok := s.(replies.Answered)
			if !ok {
				continue
			}
			services, _ := a.Answers(n.Address)
			for _, service := range services {
				first, ch := d.config.ChannelOf(services[0]), d.config.ChannelOf(service)
				if first != nil && ch != nil && d.config.BrokerOf(first) != d.config.BrokerOf(ch) {
					d.fail(problem(f.Range, "Several brokers", "The stage %s takes all replies in one inbox, and asks on %s and %s, which are on different brokers. Lead one of both through a flow that reads one broker and sends to the other.", n.Address, first, ch))
					break
				}
			}
		}
	}
}

// checkReads asks each channel's transport what it thinks of how it is read.
func (d *decoder) checkReads() {
	for _, f := range d.config.Flows {
		for _, r := range f.From {
			ch := d.config.Channels[r.String()]
			if ch == nil {
				continue
			}
			s := f.Claim()
			_, t, err := broker.Lookup(d.config.BrokerOf(ch).URL)
			if err != nil || t.CheckChannel(d.config.Spec(ch), nil) != nil {
				continue
			}
			err = t.CheckChannel(d.config.Spec(ch), &s)
			var o *eip.OptionError
			switch {
			case err == nil:
			case errors.As(err, &o) && schema.Of(f.FlowBlock).Attribute(o.Option) == nil: // it is the channel's
				d.fail(problem(ch.Range, "Wrong channel", "The %s %q, which the flow %q reads: %s", ch.Kind, ch.Name, f.Name, sentence(err.Error())))
			default:
				d.blame(f.block, place{what: fmt.Sprintf("flow %q, which reads %s,", f.Name, ch)}, err)
			}
		}
	}
}

// checkSubscriptions refuses flows that share a subscription to a topic and want
// different messages of it.
func (d *decoder) checkSubscriptions() {
	type subscription struct{ topic, name string }
	first := map[subscription]*Flow{}
	queues := map[string]subscription{} // by address
	for _, f := range d.config.Flows {
		if !f.Enabled {
			continue
		}
		for _, r := range f.From {
			if r.Kind != "topic" {
				continue
			}
			s := subscription{r.Name, f.Subscription}
			if at := f.SubscriptionAddress; at != "" {
				if same, taken := queues[at]; taken && same != s {
					d.fail(problem(r.Range, "Taken twice", "The queue %s is that of the subscription %q of topic.%s already. Give this one another subscription_address.", at, same.name, same.topic))
					continue
				}
				queues[at] = s
			}
			other := first[s]
			if other == nil || other == f {
				first[s] = f
				continue
			}
			if what := other.wantsElse(f); what != "" {
				d.fail(problem(r.Range, "Different subscriptions", "The subscription %q of %s is that of the flow %q, at %s, too, which has %s. Flows that share a subscription compete for its messages, and must want the same; give one of them another subscription.",
					s.name, r, other.Name, where(other.Range), what))
			}
		}
	}
}

// wantsElse says what f wants of a topic that other does not; "" where they want the same.
func (f *Flow) wantsElse(other *Flow) string {
	switch {
	case f.Pattern != other.Pattern:
		return fmt.Sprintf("the pattern %q, and not %q", f.Pattern, other.Pattern)
	case f.Select != other.Select:
		return fmt.Sprintf("select = %q, and not %q", f.Select, other.Select)
	case f.Durable != other.Durable:
		return fmt.Sprintf("durable = %v, and not %v", f.Durable, other.Durable)
	case f.Shared != other.Shared:
		return fmt.Sprintf("shared = %v, and not %v", f.Shared, other.Shared)
	case f.BindingKey != other.BindingKey:
		return fmt.Sprintf("the binding_key %q, and not %q", f.BindingKey, other.BindingKey)
	case f.SubscriptionAddress != other.SubscriptionAddress:
		return fmt.Sprintf("the subscription_address %q, and not %q", f.SubscriptionAddress, other.SubscriptionAddress)
	case !reflect.DeepEqual(f.Match, other.Match):
		return "another match"
	case !reflect.DeepEqual(f.SubscriptionArguments, other.SubscriptionArguments):
		return "other subscription_arguments"
	}
	return ""
}
