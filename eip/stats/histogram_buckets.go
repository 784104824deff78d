package stats

import (
	"time"
)

// Buckets counts what was recorded up to each bound, which rise, and beyond the one
// before; at last what is beyond them all. It also returns the sum of everything.
// Bounds count as a Histogram's own buckets do, with an error of 3 % at most.
func (h *Histogram) Buckets(bounds []time.Duration) (counts []uint64, sum time.Duration) {
	counts = make([]uint64, len(bounds)+1)
	at := 0
	for i := range h.buckets {
		for at < len(bounds) && middleOf(i) > int64(bounds[at]) {
			at++
		}
		counts[at] += uint64(h.buckets[i].Load())
	}
	return counts, time.Duration(h.sum.Load())
}
