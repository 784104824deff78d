package eiptest

import (
	"context"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/adapter"
)

// AdapterEnv is what adapters are opened with in tests: by the flow "test", as the
// adapter "in".
func AdapterEnv() *adapter.Env {
	env := &adapter.Env{Env: *Env(), Positions: &Positions{}}
	env.Address = env.Flow + ".in"
	return env
}

// Positions keeps positions in memory. The zero Positions is ready.
type Positions struct {
	mu     sync.Mutex
	values map[string][]byte
}

// Position returns the value kept under key.
func (p *Positions) Position(key string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.values[key]), nil
}

// Keep remembers value under key.
func (p *Positions) Keep(key string, value []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.values == nil {
		p.values = map[string][]byte{}
	}
	p.values[key] = slices.Clone(value)
}

// All returns a copy of what is kept.
func (p *Positions) All() map[string][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.values)
}

// closeTwice closes a source or sink, which must bear it.
func closeTwice(t *testing.T, c io.Closer) {
	t.Helper()
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// adapterTest runs one test of an adapter suite, and looks for goroutines that the
// adapter leaves.
func adapterTest(t *testing.T, name string, test func(ctx context.Context, t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		before := goleak.IgnoreCurrent()
		t.Cleanup(func() { // after all that the test cleans up
			if err := goleak.Find(before); err != nil {
				t.Errorf("the adapter left goroutines behind after Close: %v", err)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		test(ctx, t)
	})
}
