package flow

import (
	"fmt"

	"github.com/eipd/eipd/eip"
)

// adapterOf returns the adapter that a reference names; nil for a channel.
func (c *Config) adapterOf(r ref) *Adapter {
	if r.kind != "adapter" {
		return nil
	}
	return c.Adapters[r.name]
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
			a := d.config.adapterOf(r.ref)
			if a == nil {
				continue
			}
			c, ok := a.Component.(eip.Claimer)
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

// checkSubscriptions refuses flows that share a subscription to a topic and want
// different messages of it.
func (d *decoder) checkSubscriptions() {
	type subscription struct{ topic, name string }
	first := map[subscription]*Flow{}
	for _, f := range d.config.Flows {
		if !f.Enabled {
			continue
		}
		for _, r := range f.From {
			if r.kind != "topic" {
				continue
			}
			s := subscription{r.name, f.Subscription}
			other := first[s]
			if other == nil || other == f {
				first[s] = f
				continue
			}
			what := ""
			switch {
			case other.Pattern != f.Pattern:
				what = fmt.Sprintf("the pattern %q, and not %q", other.Pattern, f.Pattern)
			case other.Durable != f.Durable:
				what = fmt.Sprintf("durable = %v, and not %v", other.Durable, f.Durable)
			default:
				continue
			}
			d.fail(problem(r.Range, "Different subscriptions", "The subscription %q of %s is that of the flow %q, at %s, too, which has %s. Flows that share a subscription compete for its messages, and must want the same; give one of them another subscription.",
				s.name, r, other.Name, where(other.Range), what))
		}
	}
}
