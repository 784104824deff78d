package embedded

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/local"
	"github.com/eipd/eipd/eip/internal/early"
	"github.com/eipd/eipd/eip/store"
)

// A state is the file as a store of what stages remember. A space has two buckets: its
// records by their keys, and these keys by the times at which they are due.
type state struct {
	s      *fileStore
	mu     sync.Mutex
	spaces map[string]*space
	lastID uint64
}

type space struct {
	of           *state
	name         string
	id           []byte
	records, due []byte // the names of its buckets
	changed      chan struct{}
}

const (
	recordsPrefix = "sr" // and the space's number
	duePrefix     = "st"
)

func (t *state) newSpace(name string, id []byte) *space {
	return &space{of: t, name: name, id: id, records: slices.Concat([]byte(recordsPrefix), id), due: slices.Concat([]byte(duePrefix), id), changed: make(chan struct{}, 1)}
}

func (p *space) Name() string             { return p.name }
func (p *space) Store() store.Store       { return p.of }
func (p *space) Changed() <-chan struct{} { return p.changed }

// View calls f with what is committed.
func (p *space) View(f func(store.Reader) error) error {
	err := guarded(func() error {
		return p.of.s.db.View(func(tx *bbolt.Tx) error {
			r := p.in(tx)
			if err := f(r); err != nil {
				return err
			}
			return r.err
		})
	})
	if err != nil {
		return fmt.Errorf("read %s in %s: %w", p.name, p.of.s.path, err)
	}
	return nil
}

// load reads what spaces there are, which a file of an earlier version has none of.
func (t *state) load(tx *bbolt.Tx) error {
	b := tx.Bucket(statesBucket)
	if b == nil {
		return nil
	}
	return b.ForEach(func(name, record []byte) error {
		id, ok := unseal(record, name)
		if !ok || len(id) != 8 {
			return fmt.Errorf("it is damaged: what it says of the state of %q", name)
		}
		p := t.newSpace(string(name), slices.Clone(id))
		if tx.Bucket(p.records) == nil || tx.Bucket(p.due) == nil {
			return fmt.Errorf("it is damaged: the state of %q is not there", name)
		}
		t.spaces[p.name], t.lastID = p, max(t.lastID, binary.BigEndian.Uint64(id))
		return nil
	})
}

// owns reports whether a bucket is of a space that there is.
func (t *state) owns(bucket []byte) bool {
	for _, p := range t.spaces {
		if string(p.records) == string(bucket) || string(p.due) == string(bucket) {
			return true
		}
	}
	return string(bucket) == string(statesBucket)
}

// Space returns the space of a name, which it makes where there is none.
func (t *state) Space(name string) (store.Space, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.spaces[name]; p != nil {
		return p, nil
	}
	t.lastID++
	p := t.newSpace(name, number(t.lastID))
	err := t.s.do(context.Background(), func(tx *bbolt.Tx) error {
		if err := p.register(tx, name); err != nil {
			return err
		}
		if _, err := tx.CreateBucket(p.records); err != nil {
			return err
		}
		_, err := tx.CreateBucket(p.due)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make the state of %s: %w", name, err)
	}
	t.spaces[name] = p
	return p, nil
}

func (p *space) register(tx *bbolt.Tx, name string) error {
	b, err := tx.CreateBucketIfNotExists(statesBucket)
	if err != nil {
		return err
	}
	record := append(make([]byte, sumSize), p.id...)
	seal(record, []byte(name))
	return b.Put([]byte(name), record)
}

// Spaces returns the names of the spaces that there are.
func (t *state) Spaces() ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.spaces)), nil
}

// Rename gives a space another name. It must not be in use.
func (t *state) Rename(from, to string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.spaces[from]
	switch {
	case p == nil:
		return nil
	case t.spaces[to] != nil:
		return fmt.Errorf("the state of %s cannot become that of %s, which there is already", from, to)
	}
	renamed := t.newSpace(to, p.id)
	err := t.s.do(context.Background(), func(tx *bbolt.Tx) error {
		if err := renamed.register(tx, to); err != nil {
			return err
		}
		return tx.Bucket(statesBucket).Delete([]byte(from))
	})
	if err != nil {
		return fmt.Errorf("rename the state of %s: %w", from, err)
	}
	delete(t.spaces, from)
	t.spaces[to] = renamed
	return nil
}

// Close does nothing: who opened the file closes it.
func (t *state) Close() error { return nil }

// Trouble says why nothing can be remembered at present.
func (t *state) Trouble() *broker.Trouble {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.s.trouble == "" {
		return nil
	}
	return &broker.Trouble{Refused: t.s.err != nil, Err: fmt.Errorf("nothing can be remembered in %s: %s", t.s.path, t.s.trouble)}
}

// ownState is a state whose file nobody else uses.
type ownState struct {
	*state
	positions *Positions
}

func (o ownState) Close() error { return o.positions.Close() }

func init() {
	store.Registry.Add("embedded", func() store.Open {
		return func(_ context.Context, c store.Config) (store.Store, error) {
			dir, err := Directory(c.URL, c.DataDir)
			if err != nil {
				return nil, err
			}
			p, err := OpenPositions(dir, c.Log)
			if err != nil {
				return nil, err
			}
			return ownState{p.store.state, p}, nil
		}
	})
}

// commitment is what Commit was given.
type commitment struct {
	origin any
	steps  []store.Step
	done   func(step int, err error)

	failed int // the step that failed
	err    error
}

// Commit puts down that steps are to be made.
func (t *state) Commit(origin any, steps []store.Step, done func(step int, err error)) {
	s := t.s
	s.mu.Lock()
	err := s.broken()
	if err == nil {
		s.commits = append(s.commits, &commitment{origin: origin, steps: steps, done: done})
	}
	s.mu.Unlock()
	if err != nil {
		done(-1, fmt.Errorf("write %s: %w", s.path, err))
		return
	}
	s.poke()
}

// makeSteps makes the steps of b, each commitment's or none of it.
func (b *batch) makeSteps(s *fileStore, tx *bbolt.Tx) {
	for _, c := range b.commits {
		if c.failed, c.err = b.makeAll(tx, c.steps); c.err == nil {
			b.settle(s, c.origin)
		}
	}
}

// makeAll makes steps, or none where one fails, whose number it returns.
func (b *batch) makeAll(tx *bbolt.Tx, steps []store.Step) (failed int, err error) {
	var made []*stateTx
	for i, step := range steps {
		p := step.Space.(*space)
		t := p.in(tx)
		made = append(made, t)
		if err = store.Run(t, step.Change); err != nil {
			for _, t := range slices.Backward(made) {
				t.undo()
			}
			return i, err
		}
	}
	for _, t := range made {
		if t.woken {
			b.woken[t.space] = true
		}
	}
	return -1, nil
}

// settle makes what a message's origin does when it settles a part of the transaction,
// where it is of this file.
func (b *batch) settle(s *fileStore, origin any) {
	switch e := origin.(type) {
	case *local.Entry:
		if l, ok := e.Log().(*fileLog); ok && l.s == s && e.Deleting() {
			b.joined = append(b.joined, e)
		}
	case early.Settler:
		e.SettleEarly(s.owner)
	}
}

// told tells all who wait for their steps.
func (b *batch) told(err error) {
	for _, c := range b.commits {
		if err != nil {
			c.failed, c.err = -1, err
		}
		c.done(c.failed, c.err)
	}
	if err != nil {
		return
	}
	for p := range b.woken {
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
}
