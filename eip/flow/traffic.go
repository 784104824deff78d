package flow

import (
	"cmp"
	"slices"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
)

// counted are the counts of channels and adapters, which all flows share.
type counted struct {
	mu sync.Mutex
	of map[ref]*eip.Traffic
}

// traffic returns the counts of a channel or adapter. They outlast the flows of a
// file that is applied anew.
func (p *Process) traffic(of ref) *eip.Traffic {
	c := &p.root().counted
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.of[of]
	if t == nil {
		if c.of == nil {
			c.of = map[ref]*eip.Traffic{}
		}
		t = &eip.Traffic{}
		c.of[of] = t
	}
	return t
}

// Traffic returns what the flows read and send to, by name, with the dead-letter
// queues that no file names.
func (p *Process) Traffic() []control.Traffic {
	used, implicit := map[ref]bool{}, map[ref]bool{}
	for _, r := range p.all() {
		for _, f := range r.decl.From {
			used[f.ref] = true
		}
		for _, e := range r.decl.order {
			used[e.ref] = true
		}
		if d, ok := r.deadLetter.(*deadLetters); ok && (d.opened.Load() || p.traffic(d.queue.ref).Any()) {
			implicit[d.queue.ref] = !used[d.queue.ref]
			used[d.queue.ref] = true
		}
	}
	all := make([]control.Traffic, 0, len(used))
	for of := range used {
		all = append(all, control.Traffic{Name: of.String(), Traffic: p.traffic(of), Implicit: implicit[of]})
	}
	slices.SortFunc(all, func(a, b control.Traffic) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
