package stats

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A Histogram counts durations in buckets of fixed size, so that it never grows
// and a recording costs a few atomic additions. Each power of two is split into
// 16 buckets: quantiles are off by 3 % at most; the least, the greatest and the
// mean are exact. The zero Histogram is empty and ready. It is safe for
// concurrent use, and must not be copied after first use.
type Histogram struct {
	count, sum   atomic.Int64
	least, great atomic.Int64 // least is stored as its complement, so that 0 means none
	buckets      [histogramBuckets]atomic.Int64
}

const (
	splitBits = 4 // 16 buckets for each power of two
	splits    = 1 << splitBits
	// Beyond 2^42 ns, more than an hour, only the greatest is exact.
	greatestBits     = 42
	histogramBuckets = splits * (greatestBits - splitBits + 1)
)

// Record counts d. Less than zero counts as zero: clocks that disagree can make
// it so.
func (h *Histogram) Record(d time.Duration) {
	v := max(int64(d), 0)
	h.count.Add(1)
	h.sum.Add(v)
	h.buckets[bucketOf(v)].Add(1)
	raise(&h.least, math.MaxInt64-v)
	raise(&h.great, v)
}

func raise(to *atomic.Int64, v int64) {
	for {
		now := to.Load()
		if v <= now || to.CompareAndSwap(now, v) {
			return
		}
	}
}

// bucketOf maps the values below 16 to themselves, and each power of two above to
// the next 16 buckets.
func bucketOf(v int64) int {
	shift := max(bits.Len64(uint64(v))-splitBits-1, 0)
	return min(shift*splits+int(v>>shift), histogramBuckets-1)
}

// middleOf is the inverse of bucketOf, to half a bucket.
func middleOf(bucket int) int64 {
	shift := max(bucket/splits-1, 0)
	return int64(bucket-shift*splits)<<shift + (1<<shift)/2
}

// Durations sum up what a Histogram has counted.
type Durations struct {
	Count                         int64
	Min, Mean, P50, P90, P99, Max time.Duration
}

// Durations sums up what was recorded so far. Beside concurrent recordings it may
// miss the latest.
func (h *Histogram) Durations() Durations {
	var counts [histogramBuckets]int64
	var total int64
	for i := range h.buckets {
		counts[i] = h.buckets[i].Load()
		total += counts[i]
	}
	if total == 0 {
		return Durations{}
	}
	d := Durations{Count: total, Max: time.Duration(h.great.Load()), Min: time.Duration(math.MaxInt64 - h.least.Load())}
	d.Mean = time.Duration(h.sum.Load() / max(h.count.Load(), 1))
	quantile := func(q float64) time.Duration {
		rank, seen := int64(math.Ceil(q*float64(total))), int64(0)
		for i, n := range counts {
			if seen += n; seen >= rank {
				return min(max(time.Duration(middleOf(i)), d.Min), d.Max)
			}
		}
		return d.Max
	}
	d.P50, d.P90, d.P99 = quantile(0.5), quantile(0.9), quantile(0.99)
	return d
}

// Reset forgets what was recorded. A recording at the same time may be forgotten in
// part.
func (h *Histogram) Reset() {
	for i := range h.buckets {
		h.buckets[i].Store(0)
	}
	for _, v := range []*atomic.Int64{&h.count, &h.sum, &h.least, &h.great} {
		v.Store(0)
	}
}
