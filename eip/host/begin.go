package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
)

// Bounds of the time after which a flow that failed is begun again. What the broker
// refuses is tried each longest; what it has lost for a while each soon. One that stands by
// asks again each standby.
const (
	first, standby, soon, longest = 100 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second
)

// begin makes the flow run, until its life's end.
func (r *flowRun) begin(ctx context.Context, ready chan<- struct{}, failed chan<- error) {
	l := &life{done: make(chan struct{})}
	l.context, l.cancel = context.WithCancel(ctx)
	r.life.Store(l)
	go r.run(l, ready, failed)
}

// run keeps the flow running until it is stopped. One that fails is begun again
// after a while, unless it never came up. One that a broker hinders counts as up:
// nobody waits for it.
func (r *flowRun) run(l *life, ready chan<- struct{}, failed chan<- error) {
	ctx, clock := l.context, r.unit.host.options.Clock
	defer close(l.done)
	defer l.cancel()
	up := false
	came := func() {
		if !up {
			up = true
			ready <- struct{}{}
		}
	}
	r.flow.Ready = func() {
		r.unhinder()
		came()
	}
	err := r.trouble()
	for wait := first; ; wait = min(2*wait, longest) {
		began := clock.Now()
		if err == nil {
			err = r.openRest(ctx)
		}
		ran := err == nil
		if ran {
			err = r.flow.Run(ctx)
		}
		hindered := err != nil && r.hinder(err)
		switch {
		case ctx.Err() != nil && up:
			if ran || !hindered && !errors.Is(err, ctx.Err()) { // that it waited, or was opened just then, is no error
				l.err = err
			}
			return
		case hindered:
			came()
			switch t := r.hindered.Load(); {
			case t.Refused:
				wait = longest
			case t.Standby:
				wait = standby
			default:
				wait = min(wait, soon)
			}
		case !up && err == nil:
			failed <- errStopping
			return
		case !up:
			failed <- err
			return
		case clock.Since(began) > longest:
			wait = first
		}
		if !hindered {
			r.unit.host.log.Error("flow failed and will be started again", slog.String("flow", r.decl.Name), slog.Any("error", err), slog.Duration("in", wait))
		}
		err = nil
		if clock.Sleep(ctx, wait/2+time.Duration(clock.Random(int64(wait/2)))) != nil {
			return
		}
	}
}

// openRest opens what is not open, or has failed.
func (r *flowRun) openRest(ctx context.Context) error {
	if err := r.openSources(ctx); err != nil {
		return err
	}
	r.flow.Source = r.source()
	if err := r.bindPlaces(ctx); err != nil {
		return err
	}
	return r.openEndpoints(ctx)
}

// hinder notes that a broker keeps the flow from running, and reports whether it is
// that. It is logged once.
func (r *flowRun) hinder(err error) bool {
	var t *broker.Trouble
	if !errors.As(err, &t) {
		return false
	}
	now := &broker.Trouble{Refused: t.Refused, Standby: t.Standby, Err: err}
	was := r.hindered.Swap(now)
	switch state, _ := r.Hindrance(); {
	case was != nil && was.Error() == now.Error():
	case t.Standby:
		r.unit.host.log.Info("flow stands by", slog.String("flow", r.decl.Name), slog.Any("why", err))
	default:
		r.unit.host.log.Error("flow cannot run yet; others do", slog.String("flow", r.decl.Name), slog.String("state", string(state)), slog.Any("why", err))
	}
	return true
}

func (r *flowRun) unhinder() {
	if r.hindered.Swap(nil) != nil {
		r.unit.host.log.Info("flow runs now", slog.String("flow", r.decl.Name))
	}
}

func (r *flowRun) trouble() error {
	if t := r.hindered.Load(); t != nil {
		return t
	}
	return nil
}

// Hindrance says what keeps the flow, or something that it uses, from working.
func (r *flowRun) Hindrance() (control.State, string) {
	t := r.hindered.Load()
	look := func(x any) {
		if h, ok := x.(broker.Troubled); ok && (t == nil || t.Standby) {
			t = cmp.Or(h.Trouble(), t)
		}
	}
	r.mu.Lock()
	for _, s := range r.sources {
		look(s.Source)
	}
	for _, s := range r.sinks {
		look(s)
	}
	for _, s := range r.stores {
		look(s)
	}
	r.mu.Unlock()
	look(r.deadLetter)
	if r.flow != nil && t == nil {
		if why, halted := r.flow.DeadLetterTrouble(); why != nil {
			t = &broker.Trouble{Refused: halted, Err: fmt.Errorf("what failed cannot be dead-lettered: %w", why)}
		} else if why := r.flow.Trouble(); why != nil {
			t = &broker.Trouble{Err: why}
		}
	}
	switch {
	case t == nil:
		return "", ""
	case t.Standby:
		return control.Standby, ""
	case t.Refused:
		return control.Refused, r.unit.host.secrets.Hide(t.Error())
	}
	return control.Waiting, r.unit.host.secrets.Hide(t.Error())
}
