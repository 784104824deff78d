package eip

import "github.com/eipd/eipd/eip/internal/settle"

// parked is what is to be done when the calls that work on a message have returned, the last
// first.
type parked struct {
	do     settle.Parked
	before *parked
}

// park has p done once no call works on the message any more, or one goes on to something
// that may take its time; false: no call does.
func (r *receipt) park(p settle.Parked) bool {
	if r.calls.Load() == 0 {
		return false
	}
	one := &parked{do: p}
	for {
		one.before = r.parked.Load()
		if r.parked.CompareAndSwap(one.before, one) {
			break
		}
	}
	if r.calls.Load() == 0 {
		r.unpark()
	}
	return true
}

// returns ends a call, which has given up its reference.
func (r *receipt) returns() {
	if r.calls.Add(-1) == 0 {
		r.unpark()
	}
}

// unpark does what is parked, in its order.
func (r *receipt) unpark() {
	if r.parked.Load() == nil {
		return
	}
	var first *parked
	for p := r.parked.Swap(nil); p != nil; {
		p.before, first, p = first, p, p.before
	}
	for ; first != nil; first = first.before {
		first.do.Unpark()
	}
}

func init() {
	settle.Park = func(message any, p settle.Parked) bool {
		r := message.(*Message).receipt
		return r != nil && r.park(p)
	}
	settle.Hold = func(message any) (release func(error)) {
		if r := message.(*Message).receipt; r != nil {
			return r.held()
		}
		return func(error) {}
	}
	settle.Unpark = func(message any) {
		if r := message.(*Message).receipt; r != nil {
			r.unpark()
		}
	}
	settle.Resume = func(message any, release func(error), call func() error) {
		r := message.(*Message).receipt
		if r == nil {
			release(call())
			return
		}
		r.calls.Add(1)
		release(call())
		r.returns()
	}
}
