package manage

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("detour", func() eip.Stage { return NewDetour() }) }

// A Detour lets messages straight through while it is off. While it is on, they
// pass the stages in its body first: a validation, a debugging aid, a way around
// something that is broken. It is switched while messages pass, between two of
// them: one that has begun one way finishes that way.
type Detour struct {
	// Whether messages take the detour.
	Enabled eip.Live[bool] `flow:"enabled"`
	// The stages that messages pass on the detour, before they go on in the flow.
	// With a `to` they leave the flow by it instead.
	Body eip.Pipe `flow:",body"`

	detoured atomic.Int64
}

// NewDetour returns a Detour that is off.
func NewDetour() *Detour { return &Detour{} }

// Validate checks that the detour leads somewhere.
func (d *Detour) Validate() error {
	if len(d.Body.Stages) == 0 && d.Body.To == nil {
		return errors.New("a detour needs stages that messages pass while it is on, or a `to` by which they leave")
	}
	return nil
}

// Process sends m by the detour, or straight on.
func (d *Detour) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if !d.Enabled.Load() {
		return next.Handle(ctx, m)
	}
	m.CountAt(d, &d.detoured)
	return d.Body.Process(ctx, m, next)
}

// Nested returns the body.
func (d *Detour) Nested() []*eip.Pipe { return []*eip.Pipe{&d.Body} }

// Stats returns how many messages took the detour.
func (d *Detour) Stats() stats.Own {
	return stats.Own{Counts: map[string]int64{"detoured": d.detoured.Load()}}
}
