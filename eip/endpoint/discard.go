package endpoint

import (
	"context"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
)

func init() { eip.Stages.Add("discard", func() eip.Stage { return NewDiscard() }) }

// Discard ends messages on purpose: it says that they are meant to go nowhere.
type Discard struct{ dropped atomic.Int64 }

// NewDiscard returns a Discard.
func NewDiscard() *Discard { return &Discard{} }

// Process drops m.
func (d *Discard) Process(_ context.Context, m *eip.Message, _ eip.Handler) error {
	m.Drop()
	if m.CountsAt(d) {
		d.dropped.Add(1)
	}
	return nil
}

// Ends is true.
func (d *Discard) Ends() bool { return true }

// Counts returns how many messages were dropped.
func (d *Discard) Counts() map[string]int64 { return map[string]int64{"dropped": d.dropped.Load()} }
