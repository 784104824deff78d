package eip

import (
	"sync/atomic"

	"github.com/eipd/eipd/eip/internal/settle"
)

func init() {
	settle.Settler = func(message any) any {
		if r := message.(*Message).receipt; r != nil {
			return originOf(r.settler)
		}
		return nil
	}
	settle.Certain = func(message any, holds int) bool {
		r := message.(*Message).receipt
		if r == nil || r.refs.Load() != int32(holds) {
			return false
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.err == nil
	}
	settle.Attach = func(message any, s settle.Step) {
		r := message.(*Message).receipt
		r.mu.Lock()
		defer r.mu.Unlock()
		e := r.needState()
		e.steps = append(e.steps, s)
	}
	settle.Identity = func(message any) any {
		if r := message.(*Message).receipt; r != nil {
			return r
		}
		return nil
	}
	settle.Charged = func(message any) int64 {
		if r := message.(*Message).receipt; r != nil {
			return atomic.LoadInt64(&r.size)
		}
		return 0
	}
	settle.Ended = func(message any, f func(settle.End)) {
		r := message.(*Message).receipt
		r.mu.Lock()
		defer r.mu.Unlock()
		e := r.needState()
		e.ended = append(e.ended, f)
	}
	settle.Steps = func(message any) []settle.Step {
		r := message.(*Message).receipt
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.state.allSteps()
	}
	settle.Made = func(message any, by settle.Store) {
		r := message.(*Message).receipt
		r.mu.Lock()
		defer r.mu.Unlock()
		r.state.made(by)
	}
}

// originOf returns what a store may know as its own; nil of what it cannot.
func originOf(s Settler) any {
	switch s := s.(type) {
	case settleFunc, *forked:
		return nil
	default:
		return s
	}
}
