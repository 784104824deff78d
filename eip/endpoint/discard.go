package endpoint

import (
	"context"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("discard", func() eip.Stage { return NewDiscard() }) }

// Discard ends messages on purpose: it says that they are meant to go nowhere.
type Discard struct{ dropped atomic.Int64 }

// NewDiscard returns a Discard.
func NewDiscard() *Discard { return &Discard{} }

// Pattern names what the stage is.
func (*Discard) Pattern() string { return "Message Filter" }

// Process drops m.
func (d *Discard) Process(_ context.Context, m *eip.Message, _ eip.Handler) error {
	m.Drop()
	m.CountAt(d, &d.dropped)
	return nil
}

// Ends is true.
func (d *Discard) Ends() (last, passes bool) { return true, false }

// Stats returns how many messages were dropped.
func (d *Discard) Stats() stats.Own {
	return stats.Own{Counts: map[string]int64{"dropped": d.dropped.Load()}}
}
