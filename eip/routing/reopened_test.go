package routing_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// Somebody may look at what a stage remembers, and change it, at any time: also while its
// flow is stopped and started again. The race detector watches.
func TestState_LookedAtWhileReopened(t *testing.T) {
	for name, stage := range rememberers(t, memory.New()) {
		t.Run(name, func(t *testing.T) {
			if err := stage.(eip.Validator).Validate(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			var looking sync.WaitGroup
			for _, look := range looks(t, stage) {
				looking.Go(func() {
					for {
						select {
						case <-ended:
							return
						default:
							look()
						}
					}
				})
			}
			for range 100 {
				env := eiptest.Env()
				env.Address = name
				env.Make = func(context.Context, *eip.Message) error { return nil }
				if err := stage.(eip.Opener).Open(t.Context(), env); err != nil {
					t.Fatal(err)
				}
				if err := stage.(eip.Closer).Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			close(ended)
			looking.Wait()
		})
	}
}

// looks are what others may call.
func looks(t *testing.T, stage eip.Stage) []func() {
	expect := func(err error) {
		if err != nil && !errors.Is(err, eip.ErrNotRunning) && !errors.Is(err, store.ErrNoGroup) {
			t.Error(err)
		}
	}
	save := func([]any) error { return nil }
	all := []func(){func() {
		if c, ok := stage.(eip.Counted); ok {
			c.Stats()
		}
		if b, ok := stage.(eip.Busy); ok {
			b.Busy()
		}
	}, func() {
		_, _, err := stage.(store.Lister).Groups("", 10)
		expect(err)
		_, err = stage.(store.Lister).Forget(t.Context(), "k", save)
		expect(err)
	}}
	if r, ok := stage.(store.Releaser); ok {
		all = append(all, func() {
			for _, key := range []string{"k", ""} {
				_, err := r.Release(t.Context(), key)
				expect(err)
			}
		})
	}
	if m, ok := stage.(store.Mover); ok {
		all = append(all, func() { expect(m.Move(t.Context(), "k", "paying")) })
	}
	return all
}

// rememberers are stages that remember in s, by their kinds.
func rememberers(t *testing.T, s store.Store) map[string]eip.Stage {
	process := (&office{T: t, post: &eiptest.Post{}}).usual()
	process.Store = store.In(s)
	delay := routing.NewDelay()
	delay.Store, delay.For = store.In(s), adapter.Program{Source: "10s"}
	return map[string]eip.Stage{
		"aggregator":      aggregatorIn(t, s, func(*routing.Aggregator) {}),
		"delay":           delay,
		"resequencer":     resequencerIn(s),
		"process_manager": process,
	}
}

// A stage of one kind gets nothing of what one of another kind remembers, which it would
// misread, and remove when it is due.
func TestState_OfAnotherKind(t *testing.T) {
	s := memory.New()
	open := func(at, kind string) error {
		stage := rememberers(t, s)[kind]
		if err := stage.(eip.Validator).Validate(); err != nil {
			t.Fatal(err)
		}
		env := eiptest.Env()
		env.Address = at
		env.Make = func(context.Context, *eip.Message) error { return nil }
		err := stage.(eip.Opener).Open(t.Context(), env)
		if err == nil {
			err = stage.(eip.Closer).Close(t.Context())
		}
		return err
	}
	kinds := slices.Sorted(maps.Keys(rememberers(t, s)))
	for _, was := range kinds {
		if err := open("f."+was, was); err != nil {
			t.Fatal(err)
		}
		for _, is := range kinds {
			err := open("f."+was, is)
			if is == was && err != nil || is != was && (err == nil || !strings.Contains(err.Error(), "of the kind "+was+", and")) {
				t.Errorf("where a stage was %s, one that is %s is opened: %v", was, is, err)
			}
		}
	}
}
