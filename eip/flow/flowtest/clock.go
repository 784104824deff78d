package flowtest

import (
	"math/rand/v2"
	"sync"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip/internal/handclock"
)

// clock is the time of one test. It stands still until next or advance is called, within
// the test's bubble; the rest is safe for concurrent use.
type clock struct {
	handclock.Clock
	mu      sync.Mutex
	chances *rand.Rand
}

func newClock(begin time.Time, seed int) *clock {
	c := &clock{chances: rand.New(rand.NewPCG(uint64(seed), 0))}
	c.Set(begin)
	return c
}

// Random is what eip.Clock spreads waiting times by.
func (c *clock) Random(n int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chances.Int64N(n)
}

// machinery is how much time passes, apart from the test's, for what does not go by it:
// the host's own patience with what starts and stops.
const machinery = time.Second

// settle waits until nothing moves. The test's clock stands.
func settle() {
	synctest.Wait()
	time.Sleep(machinery) // the bubble's: it ends when nothing else is left to do
	synctest.Wait()
}

// next goes on to the next timer, if that is due by then, and waits until nothing moves.
func (c *clock) next(until time.Time) bool {
	if !c.Next(until) {
		return false
	}
	settle()
	return true
}

// advance lets time pass. Timers on the way fire in their order, each when nothing moves
// any more that the one before brought about.
func (c *clock) advance(d time.Duration, over func() bool) {
	until := c.Now().Add(d)
	for !over() && c.next(until) {
	}
	c.Set(until)
}
