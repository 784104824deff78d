package routing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip/store"
)

var _ store.Mover = (*ProcessManager)(nil)

// Groups returns the processes, in the order in which they began.
func (p *ProcessManager) Groups(key string, most int) (all []store.Group, more bool, err error) {
	err = p.outbox.View(func(r store.Reader) error {
		if key != "" {
			return p.list(r, hash("", key), &all)
		}
		for _, hash := range r.Range(beganKey, "") {
			if more = len(all) == most; more {
				return nil
			}
			if err := p.list(r, string(hash), &all); err != nil {
				return err
			}
		}
		return nil
	})
	return all, more, err
}

// list appends a process, where there is one.
func (p *ProcessManager) list(r store.Reader, hash string, to *[]store.Group) error {
	of, err := loadProcess(r, hash)
	if err != nil || of == nil {
		return err
	}
	value, due := r.Get(groupKey + hash)
	g := store.Group{Key: of.Key, State: of.State, Version: of.Version, Bytes: int64(len(value)), Since: time.Unix(0, of.Began), Test: of.Test != "", ClosesAt: due}
	*to = append(*to, g)
	return nil
}

// errMovesOn is why a process is not removed that was saved before.
var errMovesOn = errors.New("messages keep coming to the process; stop the flow's source first")

// Forget removes a process, and all that is known of its key: what it has had, what waits for
// it, and that it has ended. What it has put down to be sent is sent.
func (p *ProcessManager) Forget(ctx context.Context, key string, save func([]any) error) (removed int, err error) {
	of, known := hash("", key), false
	for tries := 0; ; tries++ {
		saved := (*process)(nil)
		if save != nil {
			if saved, err = p.save(of, save); err != nil {
				return 0, err
			}
		}
		err = p.outbox.Do(ctx, func(tx store.Tx) error {
			s, err := p.open(tx, of, p.env.Clock.Now(), nil)
			if err != nil {
				return err
			}
			if save != nil && s.was != nil && (saved == nil || saved.Number != s.was.Number || saved.Version != s.was.Version) {
				return errMovesOn
			}
			ended, _ := tx.Get(closedKey + of)
			waits, err := waitingFor(tx, of)
			if err != nil {
				return err
			}
			known, removed = s.was != nil || ended != nil || len(waits) > 0, len(waits)
			if s.was != nil {
				removed++
			}
			for _, w := range waits {
				s.gone(w, false)
			}
			tx.Delete(closedKey + of)
			s.process = nil
			return s.close()
		})
		switch {
		case errors.Is(err, errMovesOn) && tries < mostSavings:
			continue
		case err == nil && !known:
			err = store.ErrNoGroup
		case err == nil:
			err = p.forgetSeen(ctx, of)
		}
		return removed, err
	}
}

// save saves what a process is, and what waits for it.
func (p *ProcessManager) save(hash string, save func([]any) error) (of *process, err error) {
	var all []any
	err = p.outbox.View(func(r store.Reader) error {
		if of, err = loadProcess(r, hash); err != nil {
			return err
		}
		if of != nil {
			all = append(all, of.shown())
		}
		waiting, err := waitingFor(r, hash)
		for _, w := range waiting {
			all = append(all, w.message)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		return of, err
	}
	return of, save(all)
}

// forgetSeen forgets what a process has had.
func (p *ProcessManager) forgetSeen(ctx context.Context, hash string) error {
	for more := true; more; {
		if err := p.outbox.Do(ctx, func(tx store.Tx) error {
			var keys []string
			for key := range tx.Range(seenKey+hash, "") {
				if keys = append(keys, key); len(keys) == mostRemoved {
					break
				}
			}
			more = len(keys) == mostRemoved
			for _, key := range keys {
				tx.Delete(key)
			}
			return tx.Err()
		}); err != nil {
			return err
		}
	}
	return nil
}

// Move has a process be in another state, as if a message had brought it there. One that
// could not take back all that it did goes on with that where it is moved to undoing.
func (p *ProcessManager) Move(ctx context.Context, key, to string) error {
	return p.outbox.Do(ctx, func(tx store.Tx) error {
		if p.plan.states[to] == nil && p.plan.finals[to] == nil && to != undoing {
			return fmt.Errorf("%w %q%s", store.ErrNoState, to, p.plan.hint(to))
		}
		var n noticed
		p.begin(&n, false)
		s, err := p.open(tx, hash("", key), p.env.Clock.Now(), &n)
		switch {
		case err != nil:
			return err
		case s.process == nil:
			return store.ErrNoGroup
		}
		again := to == undoing && s.process.State == undoFailed
		if to == undoing && !again {
			return fmt.Errorf("%w %q for a process that is in %q: only from %q is one moved there", store.ErrNoState, to, s.process.State, undoFailed)
		}
		if _, err := s.take(nil, func(h *happening) (bool, error) {
			h.process.Version++
			h.note("moved")
			if again {
				return true, h.undoTo(h.process.UndoTo)
			}
			h.enter(to)
			return true, h.arrive()
		}); err != nil {
			return err
		}
		if err := s.again(); err != nil {
			return err
		}
		return s.close()
	})
}
