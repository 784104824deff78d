package routing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/wire"
	"github.com/eipd/eipd/eip/store"
)

// step is one change of a process and what comes of it, all of which is written together.
type step struct {
	of        *ProcessManager
	tx        store.Tx
	at        time.Time
	hash      string
	key, test string // of the process, where it may begin
	noted     *noticed
	was       *process // before the step; nil: there was none
	process   *process // now
	kept      []byte   // that, as it is kept, where something has happened
	out       []outgoing
	ended     []byte // what is remembered of it, where it has ended
}

// outgoing is a message that is sent once the step is written.
type outgoing struct {
	message *eip.Message
	failed  error // it becomes a dead letter
}

// open reads the process.
func (p *ProcessManager) open(tx store.Tx, hash string, at time.Time, noted *noticed) (*step, error) {
	s := &step{of: p, tx: tx, at: at, hash: hash, noted: noted}
	var err error
	if s.was, err = loadProcess(tx, hash); err != nil {
		return nil, err
	}
	s.process = s.was.clone()
	return s, tx.Err()
}

// close writes what has become of the process, and puts down what it sends.
func (s *step) close() error {
	if err := s.write(); err != nil {
		return err
	}
	for _, o := range s.out {
		var err error
		if o.failed != nil {
			err = s.of.outbox.Fail(s.tx, o.message, o.failed)
		} else {
			err = s.of.outbox.PutBehind(s.tx, s.hash, o.message)
		}
		if err != nil {
			return err
		}
	}
	return s.tx.Err()
}

// A happening is one thing that happens to a process, whole or not at all.
type happening struct {
	*step
	process *process     // as it leaves it; nil: there is none any more
	message *eip.Message // that has come; nil: a time has
	out     []outgoing
	notes   []string
	isReply bool
	ended   []byte
	view    *eip.Message // the process as expressions see it; nil: not made, or no longer so
}

// take has something happen, unless f says that nothing does, or fails.
func (s *step) take(m *eip.Message, f func(*happening) (taken bool, err error)) (taken bool, err error) {
	h := &happening{step: s, process: s.process.clone(), message: m}
	if taken, err = f(h); err != nil || !taken {
		return false, err
	}
	for _, o := range h.out { // here, where it concerns what has happened alone
		if _, err := wire.Encode(nil, o.message, 0); err != nil {
			return false, fmt.Errorf("what it sends cannot be kept: %w", err)
		}
	}
	var kept []byte
	if h.process != nil {
		if kept, err = s.of.encode(h.process); err != nil {
			return false, err
		}
	}
	if h.ended != nil {
		s.ended = h.ended
	}
	of := cmp.Or(h.process, s.process)
	s.kept, s.process, s.out = kept, h.process, append(s.out, h.out...)
	for _, name := range h.notes {
		s.note(of, name)
	}
	return true, nil
}

// note counts something of a process. One of Test Messages counts for nothing.
func (s *step) note(of *process, name string) {
	if of == nil || of.Test == "" {
		s.of.note(s.noted, name)
	}
}

// note counts something, once it has happened.
func (h *happening) note(name string) { h.notes = append(h.notes, name) }

// sight is the process as expressions see it.
func (h *happening) sight() (*eip.Message, error) {
	if h.view != nil {
		return h.view, nil
	}
	seen := map[string]any{"key": h.key, "state": nil, "data": knowledge{}, "age": 0, "in_state": 0, "version": 0, "tries": 0}
	if p := h.process; p != nil {
		since := func(at int64) float64 { return float64(h.at.UnixNano()-at) / float64(time.Millisecond) }
		seen = p.shown()
		seen["age"], seen["in_state"], seen["tries"] = since(p.Began), since(p.Entered), p.Tries
	}
	var err error
	h.view, err = jsonMessage(map[string]any{"process": seen})
	return h.view, err
}

// shown is a process as people see it.
func (p *process) shown() map[string]any {
	data := p.Data
	if data == nil {
		data = knowledge{}
	}
	return map[string]any{"key": p.Key, "state": p.State, "version": p.Version, "data": data}
}

// seen is the message that expressions see.
func (h *happening) seen() (*eip.Message, error) {
	if h.message != nil {
		return h.message, nil
	}
	m, err := jsonMessage(h.process.shown()["data"])
	if err == nil && h.process.Test != "" {
		m = m.WithHeader(header.Test, h.process.Test)
	}
	return m, err
}

// compute evaluates an expression.
func (h *happening) compute(of eip.Merge) (any, error) {
	m, err := h.seen()
	if err != nil {
		return nil, err
	}
	process, err := h.sight()
	if err != nil {
		return nil, err
	}
	return of(context.Background(), m, process)
}

// holds evaluates a predicate; without one it holds.
func (h *happening) holds(of ProcessPredicate) (bool, error) {
	if of.Of == nil {
		return true, nil
	}
	v, err := h.compute(of.Of)
	if err != nil {
		return false, fmt.Errorf("if: %w", err)
	}
	yes, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("if: %w", eip.Invalid(errors.New("it is neither true nor false")))
	}
	return yes, nil
}

// waiting is a message that waits for its process.
type waiting struct {
	key     string
	message *eip.Message
}

// waitingFor are the messages that wait for a process, in the order in which they came.
func waitingFor(r store.Reader, hash string) (all []waiting, err error) {
	for key, value := range r.Range(waitKey+hash, "") {
		m, _, err := wire.Decode(value, nil)
		if err != nil {
			return nil, eip.Permanent(fmt.Errorf("a message that waits cannot be read: %w", err))
		}
		all = append(all, waiting{key, m})
	}
	return all, nil
}

// again gives those that wait to the process, as long as it takes one. Each that it takes
// may have it take one that came before.
func (s *step) again() error {
	if s.process == nil {
		return nil
	}
	all, err := waitingFor(s.tx, s.hash)
	if err != nil {
		return err
	}
	for i := 0; i < len(all) && s.process != nil; {
		w := all[i]
		taken, err := s.take(w.message, (*happening).event)
		switch {
		case err != nil && !eip.IsPermanent(err):
			return err
		case err != nil:
			s.out = append(s.out, outgoing{w.message, err})
		case !taken:
			i++
			continue
		}
		s.gone(w, taken)
		if all = slices.Delete(all, i, i+1); taken {
			i = 0
		}
	}
	return s.tx.Err()
}

// gone is about a message that waits no longer. One that was not taken may come again, by a
// replay.
func (s *step) gone(w waiting, taken bool) {
	s.tx.Delete(w.key)
	s.amount(allWaiting, -1)
	if !taken {
		s.tx.Delete(seenKey + s.hash + identityOf(w.message.ID))
	}
}
