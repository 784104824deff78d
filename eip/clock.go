package eip

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Clock is what components stamp with and wait by. The zero Clock is the system's;
// a test drives one of package eiptest. It is safe for concurrent use.
type Clock struct{ Timekeeper }

// A Timekeeper is what a Clock other than the system's goes by.
type Timekeeper interface {
	Now() time.Time
	// AfterFunc calls f, which does not block, once d has passed.
	AfterFunc(d time.Duration, f func()) Timer
}

// A Timer is a time to come. Stop and Reset are those of a [time.Timer].
type Timer interface {
	Stop() bool
	Reset(d time.Duration) bool
}

// Now returns the time.
func (c Clock) Now() time.Time {
	if c.Timekeeper == nil {
		return time.Now()
	}
	return c.Timekeeper.Now()
}

// Since returns how long ago t was.
func (c Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Until returns how long it is until t.
func (c Clock) Until(t time.Time) time.Duration { return t.Sub(c.Now()) }

// AfterFunc calls f in a goroutine that is not the caller's, once d has passed.
func (c Clock) AfterFunc(d time.Duration, f func()) Timer {
	if c.Timekeeper == nil {
		return time.AfterFunc(d, f)
	}
	return c.Timekeeper.AfterFunc(d, f)
}

// Random returns a number below n, by which waiting times are spread. A Timekeeper that
// has this method gives it, so that a test finds the same each time.
func (c Clock) Random(n int64) int64 {
	if r, ok := c.Timekeeper.(interface{ Random(n int64) int64 }); ok {
		return r.Random(n)
	}
	return rand.Int64N(n)
}

// NewTimer sends the time once, when d has passed.
func (c Clock) NewTimer(d time.Duration) (<-chan time.Time, Timer) {
	if c.Timekeeper == nil {
		t := time.NewTimer(d)
		return t.C, t
	}
	due := make(chan time.Time, 1)
	return due, c.AfterFunc(d, func() {
		select {
		case due <- c.Now():
		default: // it was reset, and nobody has looked
		}
	})
}

// Sleep waits until d has passed. Where ctx ends before, it returns the context's error.
func (c Clock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	due, t := c.NewTimer(d)
	defer t.Stop()
	select {
	case <-due:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// WithTimeout ends a context once d has passed, with the cause
// [context.DeadlineExceeded].
func (c Clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if c.Timekeeper == nil {
		return context.WithTimeout(ctx, d)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	t := c.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() { t.Stop(); cancel(nil) }
}
