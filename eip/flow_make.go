package eip

import (
	"context"
	"fmt"
)

// make passes a message that a stage made to what follows the stage: see [Env].
func (x *run) make(ctx context.Context, l *chainLink, m *Message) error {
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
	if l.named != nil {
		t := l.named.tallies.of(m.receipt)
		t.made.Add(1)
		t.sent.Add(1)
	}
	to, err := x.anyLane(m)
	if err != nil {
		m.receipt.release(err)
		return nil
	}
	x.deliver(to, m)
	return nil
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
