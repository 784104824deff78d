package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// A space is of stages of one kind: the first that opens it, also where something was
// remembered there before it was said of which.
func TestPlace_OfOneKind(t *testing.T) {
	for name, before := range map[string]bool{"a new one": false, "one of an earlier version": true} {
		s := memory.New()
		p := store.In(s)
		if before {
			space, err := s.Space("f.x")
			if err == nil {
				err = store.Do(t.Context(), space, func(tx store.Tx) error { tx.Put("k", nil, time.Time{}); return nil })
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if _, err := p.Space("f.x", "delay"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := p.Space("f.x", "aggregator"); err == nil || !strings.Contains(err.Error(), "f.x is of the kind delay") {
			t.Errorf("%s is opened by a stage of another kind: %v", name, err)
		}
		if _, err := p.Space("f.y", "aggregator"); err != nil {
			t.Errorf("another address: %v", err)
		}
	}
}

// A stage that was open, and has nothing to remember, does not keep from importing.
func TestPlace_OpenedIsEmpty(t *testing.T) {
	from, to := memory.New(), memory.New()
	text := export(t, fill(t, from, "f.x", func(tx store.Tx) { tx.Put("k", nil, time.Time{}) }))
	place := store.In(to)
	p, err := place.Space("f.x", "delay")
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := store.Sum(p); err != nil || sum.Keys != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	if _, err := store.Import(t.Context(), to, strings.NewReader(text)); err != nil {
		t.Error(err)
	}
}
