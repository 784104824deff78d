package routing

import (
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// What is to be forgotten, and was written anew before that was done, stays.
func TestProcessManager_DueWrittenAnew(t *testing.T) {
	p := NewProcessManager()
	p.env = &eip.Env{Clock: eip.Clock{Timekeeper: eiptest.NewClock()}}
	space, err := memory.New().Space("x")
	if err != nil {
		t.Fatal(err)
	}
	now := p.env.Clock.Now()
	for _, key := range []string{seenKey + "x", closedKey + "x"} {
		for later, stays := range map[time.Duration]bool{0: false, 1: true} {
			if err := store.Do(t.Context(), space, func(tx store.Tx) error {
				tx.Put(key, []byte{1}, now.Add(later))
				return p.due(tx, key)
			}); err != nil {
				t.Error(err)
			}
			_ = space.View(func(r store.Reader) error {
				if value, _ := r.Get(key); value != nil != stays {
					t.Errorf("%q, due in %v, is %v", key, later, value)
				}
				return nil
			})
		}
	}
}
