package routing

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

var _ store.Releaser = (*Resequencer)(nil)

// Groups returns how far sequences are: those first of which messages are there, then others
// that are remembered.
func (r *Resequencer) Groups(key string, most int) (all []store.Group, more bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.outbox.View(func(tx store.Reader) error {
		if key != "" {
			if kept := r.kept(tx, key); kept != "" {
				return r.list(tx, kept, &all)
			}
			return nil
		}
		for kept := range r.all(tx) {
			if more = len(all) == most; more {
				return nil
			}
			if err := r.list(tx, kept, &all); err != nil {
				return err
			}
		}
		return nil
	})
	return all, more, err
}

// all yields what sequences are kept as: those first of which messages are there.
func (r *Resequencer) all(tx store.Reader) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, kept := range slices.Sorted(maps.Keys(r.sequences)) {
			if !yield(kept) {
				return
			}
		}
		for kept := range tx.Range("", "\x01") { // behind the Outbox's keys
			if r.sequences[kept] == nil && !yield(kept) {
				return
			}
		}
	}
}

// kept is what a business message's key is kept as, of which that or what Groups shows is
// given; "": nothing is.
func (r *Resequencer) kept(tx store.Reader, key string) string {
	names := []string{sequenceKey(false, key)}
	if key[0] == '#' {
		names = append(names, "s"+key)
	}
	for _, kept := range names {
		if _, due := tx.Get(kept); r.sequences[kept] != nil || due.After(r.env.Clock.Now()) {
			return kept
		}
	}
	return ""
}

// list appends a sequence, unless it is over.
func (r *Resequencer) list(tx store.Reader, kept string, to *[]store.Group) error {
	p, err := r.read(tx, kept)
	if err != nil {
		return err
	}
	_, due := tx.Get(kept)
	g := store.Group{Key: strings.TrimPrefix(kept[1:], "="), ClosesAt: due, Test: isTestKey(kept), Plain: r.Key == nil}
	s := r.sequences[kept]
	if s == nil && !due.After(r.env.Clock.Now()) {
		return nil
	}
	if s != nil {
		p.Next, g.Count = s.record.Next, len(s.waiting)
		for _, w := range s.waiting {
			g.Bytes += int64(len(w.message.Body()))
		}
		if first := s.oldest(); first != nil {
			g.Since, g.ClosesAt, g.Of = first.came, first.came.Add(r.Timeout.Load()), first.message
		}
	}
	g.Next = &p.Next
	*to = append(*to, g)
	return nil
}

// Release no longer waits for what is missing first in the sequence of a key, or in all.
func (r *Resequencer) Release(_ context.Context, key string) (released int, err error) {
	known, _, err := r.Groups(key, 1)
	switch {
	case err != nil:
		return 0, err
	case key != "" && len(known) == 0:
		return 0, store.ErrNoGroup
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sequences {
		if s.oldest() != nil && (key == "" || strings.TrimPrefix(s.key[1:], "=") == known[0].Key && !s.isTest()) {
			r.skip(s)
			released++
		}
	}
	r.arm()
	return released, nil
}

// Forget has a sequence begin anew. What waits in it waits on.
func (r *Resequencer) Forget(ctx context.Context, key string, save func([]any) error) (removed int, err error) {
	if _, err := store.Known(r, key, save); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	if err := r.beginAnew(key, done); err != nil {
		return 0, err
	}
	select {
	case err := <-done:
		return 1, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// beginAnew removes what is remembered of a sequence. Until that is on disk no message of
// it has its turn.
func (r *Resequencer) beginAnew(key string, done chan<- error) error {
	s, space, err := r.takeTurn(key)
	if err != nil {
		return err
	}
	space.Store().Commit(nil, []store.Step{{Space: space, Change: func(tx store.Tx) error {
		tx.Delete(s.key)
		return tx.Err()
	}}}, func(_ int, err error) {
		r.mu.Lock()
		s.inHand = nil
		r.advance(s)
		r.arm()
		r.mu.Unlock()
		done <- err
	})
	return nil
}

// takeTurn puts a sequence at its beginning and gives no message of it its turn. It
// returns the space that it is in, too.
func (r *Resequencer) takeTurn(key string) (*sequenced, store.Space, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, eip.ErrNotRunning
	}
	kept := ""
	if err := r.space.View(func(tx store.Reader) error { kept = r.kept(tx, key); return nil }); err != nil {
		return nil, nil, err
	}
	if kept == "" {
		return nil, nil, store.ErrNoGroup
	}
	s, err := r.known(kept)
	switch {
	case err != nil:
		return nil, nil, err
	case s.inHand != nil:
		return nil, nil, errors.New("a message of the sequence is under way; try again when it has settled")
	}
	s.inHand, s.record = r, position{Next: r.First}
	return s, r.space, nil
}
