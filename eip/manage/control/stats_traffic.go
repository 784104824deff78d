package control

import (
	"maps"
	"slices"

	"github.com/eipd/eipd/eip/stats"
)

// TrafficStats are what the command stats says of a channel or an adapter.
type TrafficStats struct {
	stats.TrafficCounts
	Tests *stats.TrafficCounts `json:"tests,omitempty"`
}

// trafficBaseline is what was counted when the counts began anew.
type trafficBaseline struct{ business, tests stats.TrafficCounts }

// traffic adds the channels and adapters that the target names to all, and returns
// the names of all of them. A flow or stage of the same name goes before. Without a
// target they must be asked for: who adds up flows and stages would stumble over
// counts of another kind.
func (s *Server) traffic(target string, channels, reset bool, all map[string]any) (names []string) {
	for _, t := range s.Process.Traffic() {
		names = append(names, t.Name)
		if _, taken := all[t.Name]; taken || target != "" && !Matches(target, t.Name) {
			continue
		}
		if st := s.stats.ofTraffic(t.Traffic, reset); channels && (!t.Implicit || t.Any()) || target != "" {
			all[t.Name] = st
		}
	}
	return names
}

func (s *statistics) ofTraffic(t *stats.Traffic, reset bool) TrafficStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	base := s.sinceTraffic[t]
	business, tests := t.Counts()
	st := TrafficStats{TrafficCounts: business.Minus(base.business)}
	if c := tests.Minus(base.tests); c != (stats.TrafficCounts{}) {
		st.Tests = &c
	}
	if reset {
		s.sinceTraffic[t] = trafficBaseline{business, tests}
	}
	return st
}

func (s *statistics) forget(but []Traffic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.sinceTraffic, func(of *stats.Traffic, _ trafficBaseline) bool {
		return !slices.ContainsFunc(but, func(t Traffic) bool { return t.Traffic == of })
	})
}
