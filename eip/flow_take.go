package eip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/eipd/eipd/eip/header"
)

// receive takes messages until the source or ctx ends.
func (x *run) receive(ctx context.Context) error {
	x.startLanes()
	defer x.stopLanes()
	for x.awaitWindow(ctx) {
		m, err := x.Source.Receive(ctx)
		if err == nil && m != nil {
			err = x.tooLarge(m)
		}
		switch {
		case err == nil && m != nil:
			x.start.received++
			x.dispatch(x.take(m, x.sampler.pick()))
		case m != nil && IsInvalid(err):
			x.take(m, nil).receipt.release(err)
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case err == nil:
			return fmt.Errorf("flow %s: its source gave neither a message nor an error", x.Name)
		default:
			return fmt.Errorf("flow %s: receive: %w", x.Name, err)
		}
	}
	return nil
}

// await waits for what settling a message may bring about.
func (x *run) await(come func() bool, stop <-chan struct{}) bool {
	x.waiting.Store(true)
	defer x.waiting.Store(false)
	for !come() {
		select {
		case <-x.free:
		case <-stop:
			return false
		}
	}
	return true
}

// take makes m this run's own: from here on its receipt settles by way of the
// flow, which retries and dead-letters before the source is told.
func (x *run) take(m *Message, e *attemptState) *Message {
	if m.receipt == nil || m.receipt.run != nil {
		m = m.Fork(m.Hold())
	}
	if x.History || x.Env.Tracer != nil {
		m = x.follow(m, e != nil && e.head != nil && m.trace != nil)
	}
	r := m.receipt
	r.run, r.message = x, m
	if e != nil {
		if was := r.state; was != nil {
			e.came = was.steps
		}
		r.state = e
	}
	if x.Timeout > 0 {
		e := r.needState()
		e.work, e.stop = x.Env.Clock.WithTimeout(x.work, x.Timeout)
	}
	if x.ErrorReply != nil && m.replier != nil {
		m = m.Without(header.ErrorCode).With(func(m *Message) { m.answered = &atomic.Bool{} }) // a reply made of m is no error reply
		r.message = m
	}
	_, r.test = m.Headers[header.Test]
	x.watcher.see(m)
	if e != nil && e.head != nil {
		x.tallies.of(r).made.Add(1)
	} else {
		x.tallies.of(r).received.Add(1)
	}
	r.size = m.Size()
	x.inFlight.Add(oneMessage + r.size)
	return m
}
