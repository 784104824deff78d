package routing

import (
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/eip/store"
)

// finished stands before the name of a final state where it is counted.
const finished = "finished "

// noticed is what one step has counted. Where the step is made again, that is taken back.
type noticed struct {
	names  []string
	silent bool
}

type processStats struct {
	mu      sync.Mutex
	counted map[string]int64
}

// begin takes back what a step has counted before.
func (s *processStats) begin(n *noticed, silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range n.names {
		s.counted[name]--
	}
	*n = noticed{silent: silent}
}

func (s *processStats) note(n *noticed, name string) {
	if n.silent {
		return
	}
	s.count(name)
	n.names = append(n.names, name)
}

func (s *processStats) count(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counted == nil {
		s.counted = map[string]int64{}
	}
	s.counted[name]++
}

// Stats returns what became of processes, and what happened to them. finished counts those
// that have ended, by their final states as branches; events are messages, replies and times
// that did something.
func (p *ProcessManager) Stats() stats.Own {
	own := stats.Own{Counts: map[string]int64{}, Branches: map[string]int64{}, Gauges: []string{"processes", "oldest_s", "waiting"}}
	for _, name := range []string{"started", "finished", "events", "unexpected", "late", "duplicates", "unidentified", "stale_timers", "failed_timers",
		"expired", "undone", "undo_failed", "moved", "unmatched", "processes", "oldest_s", "waiting"} {
		own.Counts[name] = 0
	}
	for _, f := range p.Finals {
		own.Branches[f.Label] = 0
	}
	gauge := func(name string, n int64) {
		own.Counts[name] = n
		own.Gauges = append(own.Gauges, name)
	}
	p.mu.Lock()
	maps.Copy(own.Counts, p.counted)
	p.mu.Unlock()
	for name, n := range own.Counts {
		if final, ok := strings.CutPrefix(name, finished); ok {
			delete(own.Counts, name)
			own.Branches[final] = n
			own.Counts["finished"] += n
		}
	}
	_ = p.outbox.View(func(r store.Reader) error {
		inState, all := amounts(r)
		for _, s := range p.States {
			inState[s.Label] += 0
		}
		for state, n := range inState {
			gauge("in_"+state, n)
		}
		own.Counts["processes"], own.Counts["waiting"] = all, int64(amountOf(r, allWaiting))
		for _, hash := range r.Range(beganKey, "") {
			if oldest, err := loadProcess(r, string(hash)); err == nil && oldest != nil {
				own.Counts["oldest_s"] = int64(p.env.Clock.Since(time.Unix(0, oldest.Began)).Seconds())
			}
			break
		}
		return nil
	})
	return own
}
