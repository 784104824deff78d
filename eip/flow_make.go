package eip

import (
	"context"
	"fmt"
)

// make passes a message that a stage made to what follows the stage, or to where what has
// failed goes: see [Env].
func (x *run) make(ctx context.Context, l *chainLink, m *Message, failed error) error {
	select {
	case <-x.begun:
	case <-ctx.Done():
		m.receipt.release(ctx.Err())
		return ctx.Err()
	}
	on, taken := x.running.pass(m, &attemptState{head: l.next})
	if on == nil {
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
	to, err := x.anyLane(m)
	if err != nil {
		m.receipt.release(err)
		return nil
	}
	x.deliver(to, m)
	return nil
}

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
