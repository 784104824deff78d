package store

import (
	"context"

	"github.com/eipd/eipd/eip"
)

// View reads the stage's space for those who come at any time, as the control bus does. It
// fails with [eip.ErrNotRunning] while the stage is not open; while f runs, Close waits, so
// that nothing of what the stage has opened changes.
func (o *Outbox) View(f func(Reader) error) error {
	if !o.use() {
		return eip.ErrNotRunning
	}
	defer o.users.Done()
	return o.space.View(f)
}

// Do makes a step in the stage's space for those who come at any time, as View. Where the
// stage is closed before the step is begun, it fails with [eip.ErrNotRunning]; where that
// happens later and nobody knows yet whether the step is on disk, with [context.Canceled].
func (o *Outbox) Do(ctx context.Context, change func(Tx) error) error {
	if !o.use() {
		return eip.ErrNotRunning
	}
	defer o.users.Done()
	return do(ctx, o.space, change, o.done)
}

// use has Close wait for users; false: it is not open.
func (o *Outbox) use() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open {
		o.users.Add(1)
	}
	return o.open
}
