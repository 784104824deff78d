package main

import (
	"testing"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
)

// What a stage counts itself is shown beside its branches, and nothing is shown twice.
func TestStats_Details(t *testing.T) {
	for want, s := range map[string]statistics{
		"": {},
		"queue.a 2, queue.b 1, refused 3": {Branches: map[string]int64{"queue.a": 2, "queue.b": 1},
			Own: map[string]int64{"queue.a": 2, "queue.b": 2, "refused": 3, "rules": 0}},
		"big 0, small 1": {Branches: map[string]int64{"big": 0, "small": 1}, Own: map[string]int64{"big": 0, "small": 1}},
		"merged 4":       {Stats: control.Stats{Counts: stats.Counts{Sent: 7}}, Own: map[string]int64{"merged": 4, "passed": 7}},
	} {
		if got := s.details(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
