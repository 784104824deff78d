package stats_test

import (
	"slices"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/stats"
)

func TestHistogram_Buckets(t *testing.T) {
	var h stats.Histogram
	bounds := []time.Duration{time.Microsecond, time.Millisecond, time.Second}
	for _, d := range []time.Duration{0, 5, 900, 1100, 900 * time.Microsecond, 1100 * time.Microsecond, 900 * time.Millisecond, 2 * time.Second, 10 * time.Hour} {
		h.Record(d)
	}
	counts, sum := h.Buckets(bounds)
	if want := []uint64{3, 2, 2, 2}; !slices.Equal(counts, want) {
		t.Errorf("counts %v, want %v", counts, want)
	}
	if want := 10*time.Hour + 2*time.Second + 902*time.Millisecond + 2005; sum != want {
		t.Errorf("sum %v, want %v", sum, want)
	}
	if counts, _ := h.Buckets(nil); !slices.Equal(counts, []uint64{9}) {
		t.Errorf("without bounds %v", counts)
	}
}
