package store

import (
	"context"
	"errors"
	"testing"

	"github.com/eipd/eipd/eip"
)

// later is a Store, and a Space of it, that makes a step when it is told to.
type later struct {
	Store
	step Step
}

func (l *later) Commit(_ any, steps []Step, _ func(int, error)) { l.step = steps[0] }

// in is a Space of a Store.
type in struct {
	Space
	store Store
}

func (i in) Store() Store { return i.store }

// A step that nobody waits for any more is not begun: the stage may be open anew.
func TestDo_NotBegun(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		ctx    context.Context
		closed <-chan struct{}
		want   error
	}{
		"given up": {ended, nil, context.Canceled},
		"closed":   {t.Context(), ended.Done(), eip.ErrNotRunning},
	} {
		l, changed := &later{}, false
		if err := do(c.ctx, in{store: l}, func(Tx) error { changed = true; return nil }, c.closed); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.step.Change(nil); err == nil || changed {
			t.Errorf("%s: it is made all the same: %v", name, err)
		}
	}
}

// What is on disk was made, whatever ends meanwhile.
func TestDo_MadeJustNow(t *testing.T) {
	for range 100 {
		ctx, end := context.WithCancel(t.Context())
		l := &made{end: end}
		if err := do(ctx, in{store: l}, func(Tx) error { return nil }, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// made is a store that makes each step at once, and ends a context.
type made struct {
	Store
	end func()
}

func (m *made) Commit(_ any, steps []Step, done func(int, error)) {
	m.end()
	done(-1, steps[0].Change(nil))
}
