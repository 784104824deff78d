package host

import (
	"testing"

	"github.com/eipd/eipd/eip"
)

// Flows share what the process has, and none gets more than it asks for.
func TestBudget(t *testing.T) {
	for _, c := range []struct {
		flows        int
		memory, want eip.Bytes
	}{
		{1, 0, 64 << 20},
		{9, 0, 64 << 20},
		{1, 256 << 20, 64 << 20},
		{2, 256 << 20, 256 << 20 / 6},
		{1000, 1000, 1},
		{3, 256 << 20, 256 << 20 / 9},
	} {
		if got := budget(c.memory, 64<<20, c.flows); got > c.want+1 || got < c.want-1 {
			t.Errorf("one of %d flows, with %v: %v, want %v", c.flows, c.memory, got, c.want)
		}
	}
}
