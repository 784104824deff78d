package store

import "context"

// Waiting reports whether anything is due, now or later. Of an Outbox that is not open, nothing
// is.
func (o *Outbox) Waiting() (waiting bool) {
	_ = o.View(func(r Reader) error {
		for range r.Due() {
			waiting = true
			break
		}
		return nil
	})
	return waiting
}

// Holds reports whether there is anything to be sent, or a key that begins with one of
// prefixes. Of an Outbox that is not open, there is nothing.
func (o *Outbox) Holds(prefixes ...string) (holds bool) {
	_ = o.View(func(r Reader) error {
		for _, prefix := range append(prefixes, outboxPrefix) {
			for range r.Range(prefix, "") {
				holds = true
				return nil
			}
		}
		return nil
	})
	return holds
}

// Flush waits until nothing is due at present, and all that was sent has settled.
func (o *Outbox) Flush(ctx context.Context) error { return o.reach(ctx, &o.idle) }

// Drain waits until nothing is due at present or later, and all that was sent has settled.
func (o *Outbox) Drain(ctx context.Context) error { return o.reach(ctx, &o.empty) }

// reach waits until a channel is closed, which it makes at need.
func (o *Outbox) reach(ctx context.Context, state *chan struct{}) error {
	o.mu.Lock()
	if *state == nil {
		*state = make(chan struct{})
	}
	reached := *state
	o.mu.Unlock()
	o.Poke()
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reached tells those who wait for it.
func reached(state *chan struct{}) {
	if *state != nil {
		close(*state)
		*state = nil
	}
}
