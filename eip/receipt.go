package eip

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// receipt counts who still holds a message, and settles it when nobody does.
type receipt struct {
	refs   atomic.Int32
	settle func(error)
	mu     sync.Mutex
	err    error

	// What a flow keeps of a message while it runs it.
	run         *run
	message     *Message
	lane        *lane
	attempts    int
	firstFailed time.Time
	onSettled   func()
}

func (r *receipt) init(settle func(error)) {
	r.settle = settle
	r.refs.Store(1)
}

// hold adds a reference; false where the receipt has settled already.
func (r *receipt) hold() bool {
	for {
		n := r.refs.Load()
		if n <= 0 {
			return false
		}
		if r.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (r *receipt) release(err error) {
	if err != nil {
		r.mu.Lock()
		r.err = join(r.err, err)
		r.mu.Unlock()
	}
	if r.refs.Add(-1) != 0 {
		return
	}
	// The last reference: no one else writes err any more.
	switch {
	case r.run != nil:
		r.run.settled(r)
	case r.settle != nil:
		r.settle(r.err)
	}
}

func join(a, b error) error {
	if a == nil {
		return b
	}
	return errors.Join(a, b)
}

// Hold keeps m unsettled until release is called. release takes nil, or the error
// that m failed with; it may be called from any goroutine, and calls after the
// first do nothing. Hold must be called while m is held, that is from within
// Handle or Process, or before another release.
func (m *Message) Hold() (release func(error)) {
	r := m.receipt
	if r == nil || !r.hold() {
		return func(error) {}
	}
	var done atomic.Bool
	return func(err error) {
		if done.CompareAndSwap(false, true) {
			r.release(err)
		}
	}
}
