package flow

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/nearest"
)

// Validate knows the types.
func (t *TopicBlock) Validate() error {
	if types := []string{"topic", "direct", "fanout", "headers"}; !slices.Contains(types, t.Type) {
		return eip.OptionErrorf("type", "there is no type %q; there are %s", t.Type, strings.Join(types, ", "))
	}
	return nil
}

// Validate knows the types of queues that can be read.
func (b *BrokerBlock) Validate() error {
	if b.QueueType != "" && b.QueueType != "quorum" && b.QueueType != "classic" {
		return eip.OptionErrorf("queue_type", "%q is neither quorum nor classic", b.QueueType)
	}
	return nil
}

func (c *ControlBusBlock) Validate() error {
	check := func(option string, names []string) error {
		for _, name := range names {
			if !slices.Contains(control.Commands(), name) {
				return eip.OptionErrorf(option, "there is no command %s%s", name, nearest.Hint(name, control.Commands()))
			}
		}
		return nil
	}
	if err := control.CheckEvery(c.StatisticsEvery); err != nil {
		return eip.OptionErrorf("statistics_every", "%w", err)
	}
	if c.Timeout < time.Second || c.MaxLease < time.Second {
		return eip.OptionErrorf("timeout", "this and max_lease are at least a second")
	}
	if err := control.CheckRedaction(c.Redact); err != nil {
		return eip.OptionErrorf("redact", "%w", err)
	}
	return errors.Join(check("allow", c.Allow), check("allow_socket", c.AllowSocket))
}

// validate checks the options, with the prefetch that stands beside them.
func (w *WorkBlock) validate(prefetch int) (wrong []error) {
	if w.Concurrency < 1 || w.Concurrency > 10_000 {
		wrong = append(wrong, eip.OptionErrorf("concurrency", "must be from 1 to 10000"))
	}
	if prefetch < 1 || prefetch > 65_535 {
		wrong = append(wrong, eip.OptionErrorf("prefetch", "must be from 1 to 65535"))
	}
	if w.PrefetchBytes < 1 {
		wrong = append(wrong, eip.OptionErrorf("prefetch_bytes", "must be more than 0"))
	}
	if w.ExpressionBudget < 1 || w.ExpressionBudget > 1_000_000 {
		wrong = append(wrong, eip.OptionErrorf("expression_budget", "must be from 1 to 1000000"))
	}
	if len(wrong) == 0 && prefetch < w.Concurrency {
		wrong = append(wrong, eip.OptionErrorf("prefetch", "%d is less than the concurrency, %d", prefetch, w.Concurrency))
	}
	return wrong
}

func (f *FlowBlock) Validate() error {
	wrong := f.WorkBlock.validate(f.Prefetch)
	topics := 0
	for _, r := range f.From {
		switch {
		case r.Kind == "topic":
			topics++
		case r.Kind == "adapter" && f.Select != "":
			wrong = append(wrong, eip.OptionErrorf("select", "has a broker pick messages, and %s is none; read it in a flow of its own, with a filter", r))
		}
	}
	for _, o := range []struct {
		option string
		set    bool
		why    string
	}{
		{"pattern", f.Pattern != "", "selects messages of a topic"},
		{"binding_key", f.BindingKey != "", "selects messages of a topic"},
		{"match", f.Match != nil, "selects messages of a topic"},
		{"subscription", f.Subscription != "", "is a claim on a topic"},
		{"subscription_address", f.SubscriptionAddress != "", "is of a subscription to a topic"},
		{"subscription_arguments", f.SubscriptionArguments != nil, "are of a subscription to a topic"},
		{"durable", !f.Durable, "says how long a subscription to a topic lives"},
		{"shared", !f.Shared, "says who shares a subscription to a topic"},
	} {
		switch {
		case o.set && topics == 0:
			wrong = append(wrong, eip.OptionErrorf(o.option, "%s, and the flow reads none", o.why))
		case o.set && topics > 1 && o.option == "subscription_address":
			wrong = append(wrong, eip.OptionErrorf(o.option, "names one queue, and the flow reads %d topics", topics))
		}
	}
	if !f.Shared && (f.Subscription != "" || f.SubscriptionAddress != "") {
		wrong = append(wrong, eip.OptionErrorf("shared", "a subscription that others may name is shared; leave out its name and address"))
	}
	return errors.Join(wrong...)
}

func (r *RetryBlock) Validate() error {
	switch {
	case r.Attempts < 0:
		return eip.OptionErrorf("attempts", "must be at least 1, which means that nothing is tried again")
	case r.MaxDelay < r.Delay:
		return eip.OptionErrorf("max_delay", "%v is less than the delay, %v", r.MaxDelay, r.Delay)
	}
	return nil
}

// Validate checks that the bounds are a range.
func (r *ReconnectBlock) Validate() error {
	if r.Max < r.Min {
		return eip.OptionErrorf("max", "%v is less than the first waiting time, %v", r.Max, r.Min)
	}
	return nil
}

func (q *QueueBlock) Validate() error {
	if q.MaxLength < 0 {
		return eip.OptionErrorf("max_length", "must not be less than zero")
	}
	return nil
}
