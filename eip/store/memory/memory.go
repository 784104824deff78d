// Package memory is a store in memory, for tests and for what may be forgotten: it ends
// with the process.
package memory

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/btree"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/instant"
	"github.com/eipd/eipd/eip/store"
)

func init() {
	store.Registry.Add("memory", func() store.Open {
		return func(context.Context, store.Config) (store.Store, error) { return New(), nil }
	})
}

// Store is a store in memory.
type Store struct {
	mu     sync.Mutex // held while steps are made
	spaces map[string]*space
}

// New returns an empty Store.
func New() *Store { return &Store{spaces: map[string]*space{}} }

type space struct {
	of      *Store
	name    string
	changed chan struct{}

	// Trees are copied on write: a clone is what there was, or is at a moment.
	records *btree.BTreeG[record]
	due     *btree.BTreeG[dueKey]
	last    uint64
}

type record struct {
	key   string
	value []byte
	due   time.Time
}

type dueKey struct {
	at  time.Time
	key string
}

const degree = 32

func newSpace(of *Store, name string) *space {
	return &space{of: of, name: name, changed: make(chan struct{}, 1),
		records: btree.NewG(degree, func(a, b record) bool { return a.key < b.key }),
		due: btree.NewG(degree, func(a, b dueKey) bool {
			if order := a.at.Compare(b.at); order != 0 {
				return order < 0
			}
			return a.key < b.key
		})}
}

// Space returns the space of a name.
func (s *Store) Space(name string) (store.Space, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spaces[name] == nil {
		s.spaces[name] = newSpace(s, name)
	}
	return s.spaces[name], nil
}

// Spaces returns the names of the spaces that there are.
func (s *Store) Spaces() (names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.spaces {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Rename gives a space another name.
func (s *Store) Rename(from, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.spaces[from]
	switch {
	case p == nil:
		return nil
	case s.spaces[to] != nil:
		return fmt.Errorf("the state of %s cannot become that of %s, which there is already", from, to)
	}
	p.name, s.spaces[to] = to, p
	delete(s.spaces, from)
	return nil
}

// Close does nothing.
func (s *Store) Close() error { return nil }

// Commit makes steps at once.
func (s *Store) Commit(_ any, steps []store.Step, done func(step int, err error)) {
	failed, woken, err := s.make(steps)
	for _, p := range woken {
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
	done(failed, err)
}

func (s *Store) make(steps []store.Step) (failed int, woken []*space, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var made []*tx
	for i, step := range steps {
		p := step.Space.(*space)
		t := &tx{space: p, before: p.records.Clone(), dueBefore: p.due.Clone()}
		made = append(made, t)
		if err := store.Run(t, step.Change); err != nil {
			for _, t := range slices.Backward(made) {
				t.records, t.due = t.before, t.dueBefore
			}
			return i, nil, err
		}
	}
	for _, t := range made {
		if t.woken {
			woken = append(woken, t.space)
		}
	}
	return -1, woken, nil
}

func (p *space) Name() string             { return p.name }
func (p *space) Store() store.Store       { return p.of }
func (p *space) Changed() <-chan struct{} { return p.changed }

// View calls f with what there is at this moment.
func (p *space) View(f func(store.Reader) error) error {
	p.of.mu.Lock()
	now := &space{of: p.of, name: p.name, records: p.records.Clone(), due: p.due.Clone(), last: p.last}
	p.of.mu.Unlock()
	return f(&tx{space: now})
}

// tx is a space while a step changes it, or a View looks at it.
type tx struct {
	*space
	before    *btree.BTreeG[record]
	dueBefore *btree.BTreeG[dueKey]
	woken     bool
	err       error
}

func (t *tx) Get(key string) ([]byte, time.Time) {
	r, _ := t.records.Get(record{key: key})
	return r.value, r.due
}

func (t *tx) Range(prefix, from string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		t.records.AscendGreaterOrEqual(record{key: max(prefix, from)}, func(r record) bool {
			return strings.HasPrefix(r.key, prefix) && yield(r.key, r.value)
		})
	}
}

func (t *tx) Due() iter.Seq2[time.Time, string] {
	return func(yield func(time.Time, string) bool) {
		t.due.Ascend(func(d dueKey) bool { return yield(d.at, d.key) })
	}
}

func (t *tx) Put(key string, value []byte, due time.Time) {
	if len(key) > store.MaxKey {
		t.err = eip.Permanent(fmt.Errorf("the key has %d bytes, more than %d", len(key), store.MaxKey))
		return
	}
	t.Delete(key)
	if value == nil {
		value = []byte{}
	}
	if !due.IsZero() {
		due = time.Unix(0, instant.Nanoseconds(due))
	}
	t.records.ReplaceOrInsert(record{key, value, due})
	if !due.IsZero() {
		t.due.ReplaceOrInsert(dueKey{due, key})
		t.woken = true
	}
}

func (t *tx) Delete(key string) {
	if was, ok := t.records.Delete(record{key: key}); ok && !was.due.IsZero() {
		t.due.Delete(dueKey{was.due, key})
	}
}

func (t *tx) Next() uint64 {
	t.last++
	return t.last
}

func (t *tx) Last() uint64 { return t.last }

func (t *tx) Skip(n uint64) { t.last = max(t.last, n) }

func (t *tx) Err() error { return t.err }
