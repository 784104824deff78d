package control

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/nearest"
)

// Stats are what the command stats says of one address. What the stage counts
// itself stands beside, under its own names.
type Stats struct {
	stats.Counts
	Latency Latency `json:"latency_ms"`
	Rate    *Rate   `json:"rate,omitempty"`
	Tests   *Tests  `json:"tests,omitempty"`
}

// Latency sums up durations in milliseconds.
type Latency struct {
	Measured int64   `json:"measured"` // how many messages it is about
	Min      float64 `json:"min"`
	Mean     float64 `json:"mean"`
	P50      float64 `json:"p50"`
	P90      float64 `json:"p90"`
	P99      float64 `json:"p99"`
	Max      float64 `json:"max"`
}

// Rate is how many messages there were a second, over the last ten.
type Rate struct {
	Received float64 `json:"received"`
	Sent     float64 `json:"sent"`
	Failed   float64 `json:"failed"`
}

// Tests counts Test Messages, which are in no other count.
type Tests struct {
	Received int64 `json:"received"`
	Sent     int64 `json:"sent"`
	Failed   int64 `json:"failed"`
	Dropped  int64 `json:"dropped"`
	InFlight int64 `json:"in_flight"`
}

func latencyOf(d stats.Durations) Latency {
	ms := func(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
	return Latency{d.Count, ms(d.Min), ms(d.Mean), ms(d.P50), ms(d.P90), ms(d.P99), ms(d.Max)}
}

// measurable is a flow or a stage.
type measurable interface {
	Counts() (business, tests stats.Counts)
	Latency() *stats.Histogram
}

// statistics remember since when counts count, and the counts of the last seconds.
type statistics struct {
	clock  eip.Clock
	mu     sync.Mutex
	since  map[measurable]baseline
	recent map[measurable]*recent

	sinceTraffic map[*stats.Traffic]trafficBaseline
}

func newStatistics(clock eip.Clock) statistics {
	return statistics{clock: clock, since: map[measurable]baseline{}, recent: map[measurable]*recent{}, sinceTraffic: map[*stats.Traffic]trafficBaseline{}}
}

type baseline struct {
	counts, tests stats.Counts
	own           stats.Own
}

// statsOf is the command stats.
func (s *Server) statsOf(r *request) (any, error) {
	reset, channels := r.flag("reset"), r.flag("channels")
	if r.wrong != nil {
		return nil, r.wrong
	}
	all, names := s.statistics(r.Target, channels, reset)
	if len(all) == 0 && r.Target != "" {
		return nil, Errorf(UnknownTarget, "no flow, stage, channel or adapter %s%s", clip(r.Target), nearest.Hint(r.Target, names))
	}
	return all, nil
}

// statistics returns what there is to say of each address that the target names, and
// all names that there are. Without a target it is all flows and stages, and all
// channels and adapters where these are asked for.
func (s *Server) statistics(target string, channels, reset bool) (all map[string]any, names []string) {
	all = map[string]any{}
	for _, f := range s.Process.Flows() {
		names = append(names, f.Name())
		flow := target == "" || Matches(target, f.Name())
		if flow {
			all[f.Name()] = s.stats.of(f, nil, reset)
		}
		for _, st := range f.Stages() {
			names = append(names, st.Address)
			if flow || Matches(target, st.Address) {
				all[st.Address] = s.stats.of(st.Named, st.Named.Stage, reset)
			}
		}
	}
	return all, append(names, s.traffic(target, channels, reset, all)...)
}

// of returns what there is to say of a flow or a stage, and makes the counts begin
// anew where that is asked for.
func (s *statistics) of(m measurable, stage eip.Stage, reset bool) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	base := s.since[m]
	counts, tests := m.Counts()
	c, t := counts.Minus(base.counts), tests.Minus(base.tests)
	st := map[string]any{
		"received": c.Received, "sent": c.Sent, "failed": c.Failed, "retried": c.Retried, "dead_lettered": c.DeadLettered,
		"invalid": c.Invalid, "dropped": c.Dropped, "copies": c.Copies, "in_flight": c.InFlight,
		"latency_ms": latencyOf(m.Latency().Durations()), "rate": s.rate(m),
	}
	for name, n := range map[string]int64{"returned": c.Returned, "answered": c.Answered, "unanswered": c.Unanswered, "expired": c.Expired, "made": c.Made, "absorbed": c.Absorbed} {
		if n > 0 {
			st[name] = n
		}
	}
	if t.Received+t.Made > 0 {
		st["tests"] = Tests{t.Received, t.Sent, t.Failed, t.Dropped, t.InFlight}
	}
	var own stats.Own
	if c, ok := stage.(eip.Counted); ok {
		own = c.Stats()
		s.own(st, own, base.own)
	}
	if reset {
		s.since[m] = baseline{counts, tests, own}
		m.Latency().Reset()
		for _, d := range own.Times {
			d.Reset()
		}
	}
	return st
}

// own adds what a stage counts itself: all of it under "counts", and beside the
// others what has a name of its own.
func (s *statistics) own(st map[string]any, own, base stats.Own) {
	if own.Counts != nil {
		shown := map[string]int64{}
		for name, n := range own.Counts {
			if !slices.Contains(own.Gauges, name) {
				n -= base.Counts[name]
			}
			shown[name] = n
			if _, taken := st[name]; !taken {
				st[name] = n
			}
		}
		st["counts"] = shown
	}
	if own.Branches != nil {
		shown := map[string]int64{}
		for name, n := range own.Branches {
			shown[name] = n - base.Branches[name]
		}
		st["branches"] = shown
	}
	for name, d := range own.Times {
		st[name+"_ms"] = latencyOf(d.Durations())
	}
}

// over is how long rates look back, in seconds.
const over = 10

// recent is a ring of the counts at each of the last seconds.
type recent struct {
	at     [over + 1]time.Time
	counts [over + 1]stats.Counts
	next   int
	seen   bool
}

// sample keeps the counts of each second.
func (s *statistics) sample(ctx context.Context, p Process) {
	for ok := true; ok; ok = s.clock.Sleep(ctx, time.Second) == nil {
		s.look(p)
	}
}

func (s *statistics) look(p Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.recent {
		r.seen = false
	}
	now := s.clock.Now()
	note := func(m measurable) {
		r := s.recent[m]
		if r == nil {
			r = &recent{}
			s.recent[m] = r
		}
		r.seen = true
		r.at[r.next], r.next = now, (r.next+1)%len(r.at)
		r.counts[(r.next+over)%len(r.at)], _ = m.Counts()
	}
	for _, f := range p.Flows() {
		note(f)
		for _, st := range f.Stages() {
			note(st.Named)
		}
	}
	for m, r := range s.recent {
		if !r.seen { // it was removed
			delete(s.recent, m)
			delete(s.since, m)
		}
	}
}

// rate compares the counts with those of ten seconds ago, or of the longest time
// that is known.
func (s *statistics) rate(m measurable) Rate {
	r := s.recent[m]
	if r == nil {
		return Rate{}
	}
	oldest := r.next // of a full ring
	for r.at[oldest].IsZero() && oldest != (r.next+over)%len(r.at) {
		oldest = (oldest + 1) % len(r.at)
	}
	seconds := s.clock.Since(r.at[oldest]).Seconds()
	if seconds < 0.1 {
		return Rate{}
	}
	now, _ := m.Counts()
	per := func(now, then int64) float64 { return math.Round(float64(now-then)/seconds*10) / 10 }
	then := r.counts[oldest]
	return Rate{per(now.Received, then.Received), per(now.Sent, then.Sent), per(now.Failed, then.Failed)}
}
