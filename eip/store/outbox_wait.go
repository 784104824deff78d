package store

import "context"

// Waiting reports whether anything is due, now or later. Of an Outbox that is not open, nothing
// is.
func (o *Outbox) Waiting() (waiting bool) {
	if !o.IsOpen() {
		return false
	}
	_ = o.space.View(func(r Reader) error {
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
	if !o.IsOpen() {
		return false
	}
	_ = o.space.View(func(r Reader) error {
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

// IsOpen reports whether it is open.
func (o *Outbox) IsOpen() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open
}

// Flush waits until nothing is due at present, and all that was sent has settled.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	idle := o.idle
	o.mu.Unlock()
	o.Poke()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
