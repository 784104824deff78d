package manage_test

import (
	"context"
	"testing"

	"github.com/eipd/eipd/eip"
)

// What waits for a target that is stuck is bounded by its bytes too, whatever its
// size; a message that is larger than that is copied where nothing else waits.
func TestWireTap_BoundedByBytes(t *testing.T) {
	for name, c := range map[string]struct{ size, number, buffer, copies int }{
		"large":           {1 << 20, 100, 1000, 15},
		"larger than all": {40 << 20, 5, 1000, 1},
		"just not large":  {15 << 10, 1500, 1000, 1000},
		"small, many":     {100, 5000, 4000, 4000},
		"large, few":      {1 << 20, 10, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			stuck := make(chan struct{})
			tap := tapTo(eip.HandlerFunc(func(context.Context, *eip.Message) error { <-stuck; return nil }))
			tap.Buffer = c.buffer
			openTap(t, tap)
			body := make([]byte, c.size)
			for range c.number {
				eip.Deliver(t.Context(), eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return tap.Process(ctx, m, eip.Discard) }), eip.New(body, nil))
			}
			if got := c.number - int(tap.Stats().Counts["dropped"]); got != c.copies {
				t.Errorf("%d copies wait, want %d", got, c.copies)
			}
			close(stuck)
			closeTap(t, tap, 1<<40)
			if got := tap.Stats().Counts; int(got["copied"]) != c.copies {
				t.Errorf("in the end %v, want %d copied", got, c.copies)
			}
		})
	}
}
