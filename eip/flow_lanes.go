package eip

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// lane is one message at a time. Its lock keeps a retry from running beside it.
type lane struct {
	mu   sync.Mutex
	in   chan *Message
	made atomic.Pointer[lane]
}

// within is the lane of what stages make of the message that l is busy with.
func (l *lane) within() *lane {
	if l.made.Load() == nil {
		l.made.CompareAndSwap(nil, &lane{})
	}
	return l.made.Load()
}

// startLanes starts a goroutine a lane, and the dead-letter worker. With one lane
// the receiving goroutine is the lane.
func (x *run) startLanes() {
	x.working.Go(x.deadLetters)
	if x.Concurrency == 1 {
		return
	}
	if x.OrderBy == nil {
		x.shared = make(chan *Message)
	}
	for i := range x.lanes {
		l := &x.lanes[i]
		l.in = x.shared
		if x.OrderBy != nil {
			// The window bounds it, so one busy lane does not hold up the others.
			l.in = make(chan *Message, x.Window)
		}
		x.working.Go(func() {
			for m := range l.in {
				if m.Revoked() { // while it waited
					m.receipt.release(ErrRevoked)
					continue
				}
				x.deliver(l, m)
			}
		})
	}
}

func (x *run) stopLanes() {
	if x.shared != nil {
		close(x.shared)
		return
	}
	for i := range x.lanes {
		if x.lanes[i].in != nil {
			close(x.lanes[i].in)
		}
	}
}

// dispatch gives m to its lane.
func (x *run) dispatch(m *Message) {
	switch {
	case x.Concurrency == 1:
		x.deliver(&x.lanes[0], m)
	case x.OrderBy == nil:
		select {
		case x.shared <- m:
		case <-x.work.Done():
			m.receipt.release(errStopped)
		}
	default:
		l, err := x.laneOf(m)
		if err != nil {
			m.receipt.release(err)
			return
		}
		l.in <- m
	}
}

// laneOf returns the lane of m's key.
func (x *run) laneOf(m *Message) (l *lane, err error) {
	err = handle(x.work, HandlerFunc(func(ctx context.Context, m *Message) error {
		key, err := x.OrderBy(ctx, m)
		l = &x.lanes[maphash.String(x.seed, key)%uint64(len(x.lanes))]
		return err
	}), m)
	return l, err
}

// deliver runs one attempt in lane l.
func (x *run) deliver(l *lane, m *Message) {
	r := m.receipt
	r.lane = l
	if m.Expiration > 0 {
		if e, ok := r.settler.(expirer); ok && e.Expired() {
			x.expire(r, ErrExpired)
			return
		}
	}
	switch {
	case !x.late(r):
	case x.ErrorReply == nil:
		x.expire(r, ErrExpired)
		return
	default:
		r.state.unbegun = true
		m.receipt.release(ErrExpired)
		return
	}
	if !x.Retry.Ordered {
		l.mu.Lock()
		Deliver(x.workOn(r), x.headOf(r), m)
		l.mu.Unlock()
		return
	}
	settled := make(chan struct{})
	r.needState().onSettled = func() { close(settled) }
	l.mu.Lock()
	Deliver(x.workOn(r), x.headOf(r), m)
	l.mu.Unlock()
	select {
	case <-settled:
	case <-x.work.Done():
	}
}

// headOf is what a message passes from its beginning in the flow.
func (x *run) headOf(r *receipt) Handler {
	if r.state != nil && r.state.head != nil {
		return r.state.head
	}
	return x.head
}
