package routing

import (
	"fmt"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/wire"
	"github.com/eipd/eipd/eip/store"
)

// A moment is what a time does to a process.
type moment struct {
	kind  momentKind
	after plannedAfter
	asked int // which of what was asked
}

type momentKind byte

const (
	byAge momentKind = iota
	byAfter
	byTimeout
)

// next is when something will happen to a process by itself, and what.
func (p *ProcessManager) next(of *process) (at time.Time, what moment) {
	at = time.Unix(0, of.Began).Add(p.MaxAge.Load())
	sooner := func(t time.Time, m moment) {
		if t.Before(at) {
			at, what = t, m
		}
	}
	if state := p.plan.states[of.State]; state != nil {
		for _, a := range state.after {
			if a.time > of.Fired {
				sooner(time.Unix(0, of.Entered).Add(a.time), moment{kind: byAfter, after: a})
			}
		}
	}
	for i, a := range of.Asked {
		if a.Until != 0 {
			sooner(time.Unix(0, a.Until), moment{kind: byTimeout, asked: i})
		}
	}
	return at, what
}

// timesOut reports whether it is of any concern in a state that a request has no reply in
// time.
func (p *ProcessManager) timesOut(state, request string) bool {
	return state == undoing || p.plan.states[state].onTimeout(request) != nil
}

// onTimeout is what the state does then; nil: nothing, as where the flow has the state no more.
func (s *plannedState) onTimeout(request string) *ProcessTimeout {
	if s == nil {
		return nil
	}
	for _, on := range s.OnTimeout {
		if on.Label == request {
			return on
		}
	}
	return nil
}

// due does what a key is due for.
func (p *ProcessManager) due(tx store.Tx, key string) error {
	switch what, rest := key[:1], key[1:]; what {
	case groupKey:
		var n noticed
		p.begin(&n, false)
		s, err := p.open(tx, rest, p.env.Clock.Now(), &n)
		if err != nil {
			return err
		}
		if err := s.fire(); err != nil {
			return err
		}
		return s.close()
	case waitKey:
		return p.impatient(tx, key)
	case seenKey, closedKey:
		if _, at := tx.Get(key); !at.After(p.env.Clock.Now()) { // else it was written anew meanwhile
			tx.Delete(key)
		}
		return tx.Err()
	}
	return fmt.Errorf("the key %q is not known", key)
}

// fire has the time do what it does now. A process to which something else has happened
// meanwhile has other times.
func (s *step) fire() error {
	if s.process == nil {
		s.of.note(s.noted, "stale_timers")
		return nil
	}
	at, what := s.of.next(s.process)
	if at.After(s.at) {
		s.note(s.process, "stale_timers")
		return nil
	}
	_, err := s.take(nil, func(h *happening) (bool, error) { return true, h.time(what) })
	switch {
	case err == nil:
		return s.again()
	case !eip.IsPermanent(err):
		return err
	}
	// It would fail for ever. The process stays as it is, and people are told.
	_, err = s.take(nil, func(h *happening) (bool, error) {
		h.process.void(what)
		h.note("failed_timers")
		return true, h.fail(err, false)
	})
	return err
}

// void has a time do nothing.
func (p *process) void(what moment) {
	switch what.kind {
	case byAfter:
		p.Fired = what.after.time
	case byTimeout:
		p.Asked[what.asked].Until = 0
	}
}

// time is what a time does.
func (h *happening) time(what moment) error {
	p := h.process
	switch what.kind {
	case byAfter:
		p.Fired = what.after.time
		return h.act("after "+what.after.Label, &what.after.ProcessAction)
	case byTimeout:
		a := h.answered(p.Asked[what.asked].Number)
		if p.State == undoing {
			return h.undone(fmt.Errorf("the request %q has had no reply in its timeout", a.Name))
		}
		if on := h.of.plan.states[p.State].onTimeout(a.Name); on != nil {
			return h.act("on_timeout "+a.Name, &on.ProcessAction)
		}
		return nil // the flow has it no more
	}
	h.note("expired")
	err := h.fail(eip.Permanent(fmt.Errorf("the process %q is older than max_age, %v, and is given up in the state %q", p.Key, h.of.MaxAge.Load(), p.State)), true)
	h.end()
	return err
}

// impatient makes a dead letter of a message that has waited long enough.
func (p *ProcessManager) impatient(tx store.Tx, key string) error {
	value, at := tx.Get(key)
	if value == nil || at.After(p.env.Clock.Now()) {
		return tx.Err()
	}
	m, _, err := wire.Decode(value, nil)
	if err != nil {
		return eip.Permanent(fmt.Errorf("a message that waits cannot be read: %w", err))
	}
	s, err := p.open(tx, key[len(waitKey):][:hashSize], p.env.Clock.Now(), nil)
	if err != nil {
		return err
	}
	if err := p.outbox.Fail(tx, m, fmt.Errorf("%w; and it has waited as long as it may", s.refusal(0))); err != nil {
		return err
	}
	s.gone(waiting{key, m}, false)
	return tx.Err()
}
