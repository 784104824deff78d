package remote

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// Begin opens for the first time. meet is told what goes wrong, and says how long to wait
// before the next attempt. What waiting cannot mend is an error.
func Begin(ctx, closed context.Context, open func(context.Context) error, meet func(error) time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(closed, cancel)()
	for began := time.Now(); ; {
		err := open(ctx)
		if err == nil {
			return nil
		}
		ended := ctx.Err() != nil // also because of closed, which is looked at next
		switch {
		case closed.Err() != nil:
			return eip.ErrClosed
		case ended:
			return err
		}
		if err := Final(err, began); err != nil {
			return err
		}
		Sleep(ctx, meet(err))
	}
}

// Again opens anew, or waits where it cannot. An error is the end: that of ctx, or what
// closed is the context of has closed.
func Again(ctx, closed context.Context, open func(context.Context) error, meet func(error) time.Duration) error {
	if closed.Err() != nil {
		return eip.ErrClosed
	}
	switch err := open(ctx); {
	case err == nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case closed.Err() != nil:
		return eip.ErrClosed
	default:
		Sleep(ctx, meet(err))
	}
	return nil
}

// A Start is the first time that what mends itself works, or the end of that.
type Start struct {
	began time.Time
	known chan struct{} // closed when it has worked, or never will
	once  sync.Once
	why   error // it never will; read after known
}

// NewStart begins the time that Fails gives it.
func NewStart() *Start { return &Start{began: time.Now(), known: make(chan struct{})} }

// Works is called when it does.
func (s *Start) Works() { s.End(nil) }

// Fails is called when it does not. It reports whether it never will: not where it has
// worked before.
func (s *Start) Fails(err error) bool {
	select {
	case <-s.known:
		return false
	default:
	}
	why := Final(err, s.began)
	if why != nil {
		s.End(why)
	}
	return why != nil
}

// End is called at the end. Where it has not worked, it never will.
func (s *Start) End(why error) {
	s.once.Do(func() {
		s.why = why
		close(s.known)
	})
}

// Wait waits until it has worked. where tells what is waited for.
func (s *Start) Wait(ctx context.Context, where func() string) error {
	select {
	case <-s.known:
		return s.why
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", where(), ctx.Err())
	}
}
