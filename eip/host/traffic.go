package host

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
)

// counted are the counts of channels and adapters, which all flows share.
type counted struct {
	mu sync.Mutex
	of map[flow.Ref]*stats.Traffic
}

// traffic returns the counts of a channel or adapter. They outlast the flows of a
// file that is applied anew.
func (h *Host) traffic(of flow.Ref) *stats.Traffic {
	c := &h.counted
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.of[of]
	if t == nil {
		if c.of == nil {
			c.of = map[flow.Ref]*stats.Traffic{}
		}
		t = &stats.Traffic{Of: of.String()}
		c.of[of] = t
	}
	return t
}

// forget drops what was counted of channels and adapters that no flow uses any more,
// and what was set on stages that have gone.
func (h *Host) forget() {
	used := map[flow.Ref]bool{}
	for _, r := range h.flows() {
		if dead := r.decl.DeadQueue(); dead != nil {
			used[dead.Ref] = true
		}
		for _, of := range r.decl.Refs() {
			used[of] = true
		}
	}
	h.counted.mu.Lock()
	maps.DeleteFunc(h.counted.of, func(of flow.Ref, _ *stats.Traffic) bool { return !used[of] })
	h.counted.mu.Unlock()
	h.control.Forget()
}

// Traffic returns what the flows read and send to, by name, with the dead-letter
// queues that no file names.
func (h *Host) Traffic() []control.Traffic {
	used, implicit := map[flow.Ref]bool{}, map[flow.Ref]bool{}
	for _, r := range h.flows() {
		for _, of := range r.decl.Refs() {
			used[of] = true
		}
		if d := r.implicit(); d != nil {
			implicit[d.queue.Ref] = !used[d.queue.Ref]
			used[d.queue.Ref] = true
		}
	}
	all := make([]control.Traffic, 0, len(used))
	for of := range used {
		all = append(all, control.Traffic{Name: of.String(), Traffic: h.traffic(of), Implicit: implicit[of]})
	}
	slices.SortFunc(all, func(a, b control.Traffic) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Stats returns each flow's counts, in the order of the files.
func (h *Host) Stats() []NamedStats {
	flows := h.flows()
	all := make([]NamedStats, len(flows))
	for i, r := range flows {
		business, _ := r.flow.Counts()
		all[i] = NamedStats{r.decl.Name, business}
	}
	return all
}
