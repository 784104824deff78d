package control

import (
	"context"
	"sync"
	"time"
)

// How many commands a process takes from the topic in a second, and how many at
// once. What comes beyond waits in the process' subscription, where the broker
// drops what is too much.
const (
	perSecond = 500
	burst     = 500
)

// limiter is a token bucket.
type limiter struct {
	mu     sync.Mutex
	rate   float64
	most   float64
	tokens float64
	last   time.Time
}

func (l *limiter) begin(rate, most float64) {
	l.rate, l.most, l.tokens, l.last = rate, most, most, time.Now()
}

// wait takes a token; false where ctx ends first.
func (l *limiter) wait(ctx context.Context) bool {
	l.mu.Lock()
	now := time.Now()
	l.tokens = min(l.tokens+now.Sub(l.last).Seconds()*l.rate, l.most) - 1
	l.last = now
	short := time.Duration(-l.tokens / l.rate * float64(time.Second))
	l.mu.Unlock()
	if short <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(short)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
