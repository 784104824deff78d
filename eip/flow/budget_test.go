package flow

import (
	"testing"

	"github.com/eipd/eipd/eip"
)

// Flows share what the process has, and none gets more than it asks for.
func TestBudget(t *testing.T) {
	flows := func(n int) (all []*Flow) {
		for range n {
			f := &Flow{flowBlock: newFlow()}
			f.PrefetchBytes, f.Enabled = 64<<20, true
			all = append(all, f)
		}
		return all
	}
	for _, c := range []struct {
		flows, guest int // guest: of a file that was applied
		memory, want eip.Bytes
	}{
		{1, 0, 0, 64 << 20},
		{9, 0, 0, 64 << 20},
		{1, 0, 256 << 20, 64 << 20},
		{2, 0, 256 << 20, 256 << 20 / 6},
		{1000, 0, 1000, 1},
		{2, 1, 256 << 20, 256 << 20 / 9},
	} {
		host := &Process{config: &Config{Flows: flows(c.flows)}, options: RunOptions{Memory: c.memory}}
		p := host
		if c.guest > 0 {
			host.flows = make([]*running, c.flows)
			p = &Process{config: &Config{Flows: flows(c.guest)}, options: RunOptions{Memory: c.memory, host: host}}
		}
		if got := p.budget(p.config.Flows[0]); got > c.want+1 || got < c.want-1 {
			t.Errorf("one of %d flows and %d applied, with %v: %v, want %v", c.flows, c.guest, c.memory, got, c.want)
		}
	}
}
