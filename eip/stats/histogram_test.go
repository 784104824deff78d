package stats_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/stats"
)

func TestHistogram_IsCloseToTheTruth(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shapes := map[string]func() time.Duration{
		"nanoseconds": func() time.Duration { return time.Duration(r.IntN(40)) },
		"even":        func() time.Duration { return time.Duration(r.Int64N(int64(time.Second))) },
		"long tail":   func() time.Duration { return time.Duration(r.ExpFloat64() * float64(20*time.Millisecond)) },
		"all alike":   func() time.Duration { return 1234567 * time.Nanosecond },
	}
	for name, next := range shapes {
		t.Run(name, func(t *testing.T) {
			var h stats.Histogram
			var all []time.Duration
			var sum time.Duration
			for range 20000 {
				d := next()
				h.Record(d)
				all = append(all, d)
				sum += d
			}
			slices.Sort(all)
			got := h.Durations()
			if got.Count != 20000 || got.Min != all[0] || got.Max != all[len(all)-1] || got.Mean != sum/20000 {
				t.Errorf("got %+v, want exactly min %v, max %v, mean %v", got, all[0], all[len(all)-1], sum/20000)
			}
			for q, is := range map[float64]time.Duration{0.5: got.P50, 0.9: got.P90, 0.99: got.P99} {
				want := all[int(q*20000)-1]
				if off := (is - want).Abs(); off > want*4/100+1 {
					t.Errorf("quantile %v is %v, want %v", q, is, want)
				}
			}
		})
	}
}

func TestHistogram_Edges(t *testing.T) {
	var h stats.Histogram
	if d := h.Durations(); d != (stats.Durations{}) {
		t.Errorf("an empty one says %+v", d)
	}
	h.Record(-time.Second)
	if d := h.Durations(); d != (stats.Durations{Count: 1}) {
		t.Errorf("a negative duration made %+v", d)
	}
	h.Record(1000 * time.Hour)
	if d := h.Durations(); d.Max != 1000*time.Hour || d.Min != 0 || d.P99 > d.Max || d.P99 < time.Hour {
		t.Errorf("a long duration made %+v", d)
	}
}

func TestHistogram_Concurrent(t *testing.T) {
	var h stats.Histogram
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 1000 {
				h.Record(time.Duration(1 + g*1000 + i))
				h.Durations()
			}
		})
	}
	all.Wait()
	if d := h.Durations(); d.Count != 8000 || d.Min != 1 || d.Max != 8000 {
		t.Errorf("%+v", d)
	}
}

func BenchmarkHistogram_Record(b *testing.B) {
	var h stats.Histogram
	b.RunParallel(func(pb *testing.PB) {
		for d := time.Duration(0); pb.Next(); d += 997 {
			h.Record(d)
		}
	})
}
