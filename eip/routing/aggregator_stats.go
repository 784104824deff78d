package routing

import (
	"maps"
	"sync"

	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
)

// counts are what an Aggregator counts.
type counts struct {
	parts, duplicates, late, unidentified, opened, outputs, discarded, broken int64
	closedBy                                                                  map[ClosedBy]int64
}

func (c *counts) closed(why ClosedBy) {
	if c.closedBy == nil {
		c.closedBy = map[ClosedBy]int64{}
	}
	c.closedBy[why]++
}

// add adds so many times what another has counted.
func (c *counts) add(other *counts, times int64) {
	for _, n := range []struct{ to, of *int64 }{{&c.parts, &other.parts}, {&c.duplicates, &other.duplicates}, {&c.late, &other.late},
		{&c.unidentified, &other.unidentified}, {&c.opened, &other.opened}, {&c.outputs, &other.outputs}, {&c.discarded, &other.discarded}, {&c.broken, &other.broken}} {
		*n.to += times * *n.of
	}
	for why, n := range other.closedBy {
		if c.closedBy == nil {
			c.closedBy = map[ClosedBy]int64{}
		}
		c.closedBy[why] += times * n
	}
}

// noted is what one step has counted. Where the step is made again, that is taken back.
type noted struct {
	counts
	silent bool
}

type aggregatorStats struct {
	counting sync.Mutex
	counted  counts
}

// begin takes back what a step has counted before.
func (s *aggregatorStats) begin(n *noted, silent bool) {
	s.counting.Lock()
	defer s.counting.Unlock()
	s.counted.add(&n.counts, -1)
	*n = noted{silent: silent}
}

func (s *aggregatorStats) note(n *noted, count func(*counts)) {
	if n.silent {
		return
	}
	s.counting.Lock()
	defer s.counting.Unlock()
	count(&s.counted)
	count(&n.counts)
}

// Stats returns what became of parts and groups. parts counts those that were taken into
// groups, duplicates those that were there already, and late those whose group was closed
// before.
func (a *Aggregator) Stats() stats.Own {
	a.counting.Lock()
	c := a.counted
	c.closedBy = maps.Clone(c.closedBy)
	a.counting.Unlock()
	own := stats.Own{Counts: map[string]int64{"parts": c.parts, "duplicates": c.duplicates, "late": c.late, "unidentified": c.unidentified,
		"opened": c.opened, "outputs": c.outputs, "discarded": c.discarded, "broken": c.broken, "groups": 0, "oldest_s": 0, "waiting": a.waiters.count() + int64(a.outbox.Held())},
		Gauges: []string{"groups", "oldest_s", "waiting"}, Branches: map[string]int64{}}
	for why, n := range c.closedBy {
		own.Branches[string(why)] = n
	}
	_ = a.outbox.View(func(r store.Reader) error {
		own.Counts["groups"] = int64(groupsOf(r))
		if first := a.oldest(r); !first.IsZero() {
			own.Counts["oldest_s"] = int64(a.env.Clock.Since(first).Seconds())
		}
		return nil
	})
	return own
}
