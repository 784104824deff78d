package manage

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("wire_tap", func() eip.Stage { return NewWireTap() }) }

// A WireTap sends a copy of each message aside, and passes the message on as it
// came. Copies wait in a bounded buffer; where it is full, because the tap's
// target is slow or down, they are dropped and counted, and neither the message
// nor the flow notices.
type WireTap struct {
	// Which messages are copied. Without it, all.
	If eip.Live[eip.Predicate] `flow:"if"`
	// Whether the control bus may replace that expression while the flow runs.
	Dynamic bool `flow:"dynamic"`
	// Whether anything is copied.
	Enabled eip.Live[bool] `flow:"enabled"`
	// The fraction of the messages that is copied, between 0 and 1: 0.01 copies
	// every hundredth.
	Sample eip.Live[Fraction] `flow:"sample"`
	// Copies are part of the message's own delivery: the message is settled only
	// when its copy is, and fails when its copy fails. Such a tap can slow the flow
	// and stop it.
	Guaranteed bool `flow:"guaranteed"`
	// How many copies may wait or be under way at once, of some 16 MiB together or a
	// single one that is larger. It is not used where guaranteed is set.
	Buffer int `flow:"buffer"`
	// Where the copies go: stages, `to`, or both. They may end in any way.
	Body eip.Pipe `flow:",body"`

	counts tapCounts
	seen   atomic.Int64           // messages that a fraction is taken of
	copier atomic.Pointer[copier] // nil while the tap is not open
}

// NewWireTap returns a WireTap that copies every message.
func NewWireTap() *WireTap {
	return &WireTap{Enabled: eip.LiveOf(true), Sample: eip.LiveOf[Fraction](1), Buffer: 1000}
}

// Validate checks the options.
func (w *WireTap) Validate() error {
	if err := w.Sample.Load().Validate(); err != nil {
		return eip.OptionErrorf("sample", "%w", err)
	}
	if w.Buffer < 1 || w.Buffer > 1_000_000 {
		return eip.OptionErrorf("buffer", "%d is not between 1 and 1000000 copies", w.Buffer)
	}
	if len(w.Body.Stages) == 0 && w.Body.To == nil {
		return errors.New("a wire tap needs a `to` for its copies, or stages that work on them")
	}
	return nil
}

// Open starts to take copies.
func (w *WireTap) Open(_ context.Context, env *eip.Env) error {
	if !w.Guaranteed {
		w.copier.Store(newCopier(w, env))
	}
	return nil
}

// Close finishes the copies that wait or are under way, until ctx ends; then it
// drops them.
func (w *WireTap) Close(ctx context.Context) error {
	w.copier.Load().close(ctx)
	w.copier.Store(nil)
	return nil
}

// Process copies m, and passes it on.
func (w *WireTap) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	switch {
	case !w.Enabled.Load():
	case w.Guaranteed:
		if err := w.copy(ctx, m); err != nil {
			w.counts.failed.Add(1)
			return err
		}
	default:
		w.tap(ctx, m)
	}
	return next.Handle(ctx, m)
}

// copy is the guaranteed way: the copy shares m's receipt.
func (w *WireTap) copy(ctx context.Context, m *eip.Message) error {
	ok, err := w.picks(ctx, m)
	if ok {
		err = w.Body.Process(ctx, m, eip.Discard)
	}
	if ok && err == nil {
		m.Copied(1)
		w.counts.copied.Add(1)
	}
	return err
}

// tap is the way that cannot hurt: whatever goes wrong is the copy's affair.
func (w *WireTap) tap(ctx context.Context, m *eip.Message) {
	c := w.copier.Load()
	if c == nil {
		w.counts.dropped.Add(1)
		return
	}
	defer func() {
		if p := recover(); p != nil {
			c.failed(fmt.Errorf("panic: %v", p))
		}
	}()
	switch ok, err := w.picks(ctx, m); {
	case err != nil:
		c.failed(fmt.Errorf("evaluate if: %w", err))
	case ok:
		c.put(m)
	}
}

// Nested returns the body.
func (w *WireTap) Nested() []*eip.Pipe { return []*eip.Pipe{&w.Body} }

// Busy reports whether copies wait or are under way.
func (w *WireTap) Busy() bool {
	return w.copier.Load().busy()
}

// Stats returns how many copies arrived, were dropped, and failed.
func (w *WireTap) Stats() stats.Own { return stats.Own{Counts: w.counts.all()} }
