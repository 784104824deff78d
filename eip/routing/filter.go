package routing

import (
	"context"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("filter", func() eip.Stage { return NewFilter() }) }

// Filter is the Message Filter: it passes on the messages for which its
// expression is true, and drops the others.
type Filter struct {
	// If decides whether a message passes.
	If eip.Live[eip.Predicate] `flow:"if,required"`
	// Whether the control bus may replace the expression while the flow runs.
	Dynamic bool `flow:"dynamic"`
	// DiscardTo is where messages go that do not pass. Without it, they are dropped
	// and counted.
	DiscardTo eip.Handler `flow:"discard_to"`

	passed, dropped atomic.Int64
}

// NewFilter returns a Filter, which needs its If.
func NewFilter() *Filter { return &Filter{} }

// Validate checks that there is an expression.
func (f *Filter) Validate() error {
	if f.If.Load() == nil {
		return eip.OptionErrorf("if", "there is no expression")
	}
	return nil
}

// Pattern names what the stage is.
func (*Filter) Pattern() string { return "Message Filter" }

// Process passes m on, or drops it.
func (f *Filter) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	ok, err := f.If.Load()(ctx, m)
	if err != nil {
		return m.Undecided(f, err)
	}
	counted := &f.passed
	if !ok {
		counted = &f.dropped
	}
	m.CountAt(f, counted)
	switch {
	case ok:
		return next.Handle(ctx, m)
	case f.DiscardTo == nil:
		m.Drop()
		return nil
	}
	m.Sent(1)
	return f.DiscardTo.Handle(ctx, m)
}

// Stats returns how many messages passed, and how many did not: they are
// "dropped", or "discarded" where DiscardTo took them.
func (f *Filter) Stats() stats.Own {
	rest := "dropped"
	if f.DiscardTo != nil {
		rest = "discarded"
	}
	return stats.Own{Counts: map[string]int64{"passed": f.passed.Load(), rest: f.dropped.Load()}}
}
