package eip

import (
	"context"
	"fmt"
)

// open opens the stages, and returns those that must be closed again.
func (x *run) open(ctx context.Context) (opened []Closer, err error) {
	env := x.Env
	env.Stopping, env.Ended = ctx.Done(), x.ended
	env.DeadLetter, env.Invalid, env.Discreet = x.DeadLetter, x.Invalid, x.Discreet
	beside := env
	env.at = func(env *Env, l *chainLink) {
		if l.address != "" && makes(l.stage) {
			x.makers.Store(l.address, l)
		}
		env.Make = func(ctx context.Context, m *Message) error { return x.make(ctx, l, m, nil) }
		env.Fail = func(ctx context.Context, m *Message, err error) error { return x.make(ctx, l, m, Permanent(err)) }
	}
	if err = openStages(ctx, &env, x.head, &opened); err == nil {
		err = openStages(ctx, &beside, Chain(x.Beside, nil), &opened)
	}
	return opened, err
}

// make passes a message that a stage made to what follows the stage, or to where what has
// failed goes: see [Env].
func (x *run) make(ctx context.Context, l *chainLink, m *Message, failed error) error {
	select {
	case <-x.begun:
	case <-ctx.Done():
		m.receipt.release(ctx.Err())
		return ctx.Err()
	}
	e := &attemptState{ofStage: true, head: l.outlet()}
	if !IsInvalid(failed) { // else the stage has not done with it
		e.after = l.address
	}
	on, taken := x.running.pass(m, e)
	if on == nil {
		taken = x.takeOf(m.receipt.of, m, e)
	}
	if taken == nil {
		err := fmt.Errorf("make a message at %s: %w", l.address, ErrNotRunning)
		m.receipt.release(err)
		return err
	}
	m = taken
	l.countMade(m.receipt, failed != nil)
	if failed != nil {
		m.receipt.release(&StageError{Address: l.address, Err: failed})
		return nil
	}
	to, err := x.laneOfMade(l, m)
	if err != nil {
		m.receipt.release(err)
		return nil
	}
	x.deliver(to, m)
	return nil
}

// outlet is what messages pass that the stage makes.
func (l *chainLink) outlet() Handler {
	if o, ok := l.stage.(outletter); ok {
		return o.Outlet()
	}
	return l.next
}

// lane is a new one for what leaves by a way of the stage's own; nil: it keeps to the flow's.
func (l *chainLink) lane() *lane {
	if _, ok := l.stage.(outletter); ok {
		return &lane{}
	}
	return nil
}

// An outletter is a stage of which what it makes goes elsewhere than to what follows it.
type outletter interface{ Outlet() Handler }

func (l *chainLink) countMade(r *receipt, failed bool) {
	if l.named == nil {
		return
	}
	t := l.named.tallies.of(r)
	t.made.Add(1)
	if failed {
		r.failedAt(t, true)
		return
	}
	t.sent.Add(1)
}

// takeOf takes m, a fork of a message that this run has in hand: as that is in flight,
// the run has not ended. nil: it is none.
func (x *run) takeOf(of *receipt, m *Message, e *attemptState) *Message {
	for ; of != nil; of = of.of {
		if of.run == x && of.hold() {
			defer of.release(nil)
			return x.take(m, e)
		}
	}
	return nil
}

// laneOfMade is a lane that who makes m does not have: where it is a fork, the one beside
// that of the message that it was forked from. What has a way of its own keeps to no lane
// of others.
func (x *run) laneOfMade(l *chainLink, m *Message) (*lane, error) {
	if own := l.lane(); own != nil {
		return own, nil
	}
	switch of := m.receipt.of; {
	case of == nil:
		return x.anyLane(m)
	case of.run == x && of.lane != nil:
		return of.lane.within(), nil
	}
	return &lane{}, nil
}

// finishAll has stages make what they have left, once no message will come any more.
func (x *run) finishAll(ctx context.Context, stages []Closer) {
	for _, s := range stages {
		f, ok := s.(Finisher)
		if !ok {
			continue
		}
		if !x.await(x.isIdle, x.over) {
			return
		}
		if err := f.Finish(ctx); err != nil && ctx.Err() == nil {
			x.Env.Log.Error("a stage cannot finish what it gathers", "error", err)
		}
	}
}

// stay keeps a run that has finished going.
func (x *run) stay(ctx context.Context) {
	x.finished.Store(true)
	if !x.Stays {
		return
	}
	select {
	case <-ctx.Done():
	case <-x.over:
	}
}

// Finished reports whether the flow does not run, or its source has ended and its stages
// have finished.
func (f *Flow) Finished() bool {
	f.running.mu.Lock()
	defer f.running.mu.Unlock()
	return f.running.run == nil || f.running.run.finished.Load()
}

// makes reports whether a stage makes messages of its own.
func makes(s Stage) bool {
	if m, ok := s.(interface{ Makes() bool }); ok {
		return m.Makes()
	}
	_, ok := s.(Finisher)
	return ok
}
