package eip

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip/internal/settle"
	"github.com/eipd/eipd/eip/stats"
)

// receipt counts who still holds a message, and settles it when nobody does.
type receipt struct {
	refs     atomic.Int32
	attempts int32 // that a flow has made of it
	mu       sync.Mutex
	settler  Settler // nil: nobody
	err      error

	sent    atomic.Int32  // copies of the message
	ends    atomic.Uint32 // how it ended at stages: dropped and absorbed
	noted   atomic.Uint64 // by the stage where the message is
	test    bool
	reached atomic.Uint64 // of the stages that the message reached
	state   *attemptState // nil: it is not needed
	of      *receipt      // that it was forked from; nil: none
	calls   atomic.Int32  // that work on the message, and give up a reference when they return
	parked  atomic.Pointer[parked]

	// What a flow keeps of a message while it runs it.
	run     *run
	message *Message
	lane    *lane
	size    int64 // that is counted of it
}

func (r *receipt) init(s Settler) {
	r.settler = s
	r.refs.Store(1)
}

// settleFunc makes a Settler of a function; nil of none.
type settleFunc func(error)

func (f settleFunc) Settle(err error) {
	if f != nil {
		f(err)
	}
}

func settlerOf(settle func(error)) Settler {
	if settle == nil {
		return nil
	}
	return settleFunc(settle)
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
		if r.state != nil && r.state.forgive != nil {
			err = r.state.forgive(err)
		}
		if err != nil {
			r.err = join(r.err, err)
		}
		r.mu.Unlock()
	}
	if r.refs.Add(-1) != 0 {
		return
	}
	// The last reference: no one else writes err any more.
	r.end()
}

// end settles a message that nobody holds, once what stages keep of it is on disk.
func (r *receipt) end() {
	if r.err == nil && len(r.state.allSteps()) > 0 {
		r.commit(func(err error) {
			r.err = err
			r.settle()
		})
		return
	}
	r.settle()
}

func (r *receipt) settle() {
	switch {
	case r.run != nil:
		r.run.settled(r)
		return
	case r.state != nil:
		r.conclude(returned)
	}
	if r.settler != nil {
		r.settler.Settle(r.err)
	}
	r.state.tellEnded(r.err, r.err)
}

// commit makes the steps that are kept, and calls done once they are on disk. Those of one
// store are made at a time, those attached last first: what says that a message is done
// must not be on disk before what was done.
func (r *receipt) commit(done func(error)) {
	all := r.state.allSteps()
	if len(all) == 0 {
		done(nil)
		return
	}
	with := all[len(all)-1].Store
	var steps []settle.Step
	for _, s := range all {
		if s.Store == with {
			steps = append(steps, s)
		}
	}
	var origin any
	if len(steps) == len(all) {
		origin = originOf(r.settler)
	}
	with.Commit(origin, steps, func(step int, err error) {
		switch {
		case err == nil:
			r.state.made(with)
			r.commit(done)
			return
		case step >= 0 && steps[step].At != "":
			err = &StageError{Address: steps[step].At, Err: err}
		}
		done(err)
	})
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
	if r := m.receipt; r != nil {
		r.unpark() // it may be held for as long as it takes
		return r.held()
	}
	return func(error) {}
}

// held adds a reference, and returns what releases it.
func (r *receipt) held() (release func(error)) {
	if !r.hold() {
		return func(error) {}
	}
	var done atomic.Bool
	return func(err error) {
		if done.CompareAndSwap(false, true) {
			r.release(err)
		}
	}
}

// HoldFor is Hold for a sink that is a [stats.Confirmer]: what m is released with
// settles it in t too, before who waits for m looks. t may be nil.
func (m *Message) HoldFor(t *stats.Traffic) (release func(error)) {
	r := m.receipt
	if t == nil {
		return m.Hold()
	}
	if r == nil || !r.hold() {
		return func(err error) { t.Settled(m.IsTest(), err) }
	}
	r.unpark()
	var done atomic.Bool
	return func(err error) {
		if done.CompareAndSwap(false, true) {
			t.Settled(r.test, err)
			if err != nil && t.Of != "" {
				err = &StageError{Address: t.Of, Err: err, sent: true}
			}
			r.release(err)
		}
	}
}

// Forgive has f look at each error that m fails with in this attempt, and make nil of
// what is no failure. f is called under a lock, and must not use m.
func (m *Message) Forgive(f func(error) error) {
	r := m.receipt
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.needState()
	if first := e.forgive; first != nil {
		e.forgive = func(err error) error {
			if err = first(err); err != nil {
				err = f(err)
			}
			return err
		}
		return
	}
	e.forgive = f
}

// Attempt says which attempt at m its flow makes, from 1.
func (m *Message) Attempt() int {
	if m.receipt == nil {
		return 1
	}
	return 1 + int(m.receipt.attempts)
}

// A revoker is a Settler that says when its message was taken back.
type revoker interface {
	Settler
	Revoked() bool
}

// An expirer is a Settler that says when its message has expired.
type expirer interface {
	Settler
	Expired() bool
}

// Revoked reports whether m's source, or that of what m is a fork of, has taken the
// message back. What a sink has not sent of it by then would come twice, and it may
// fail m with [ErrRevoked] instead.
func (m *Message) Revoked() bool { return m.receipt != nil && m.receipt.revoked() }

func (r *receipt) revoked() bool {
	s, ok := r.settler.(revoker)
	return ok && s.Revoked()
}

// forked is the Settler of a fork of what can be revoked.
type forked struct {
	settleFunc
	origin revoker
}

func (f *forked) Revoked() bool { return f.origin.Revoked() }
