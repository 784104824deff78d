package flowtest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
)

// clock is the time of one test. It stands still until next or advance is called, within
// the test's bubble; the rest is safe for concurrent use.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	timers  []*timer // that run
	made    int
	chances *rand.Rand
}

func newClock(begin time.Time, seed int) *clock {
	return &clock{now: begin, chances: rand.New(rand.NewPCG(uint64(seed), 0))}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Random is what eip.Clock spreads waiting times by.
func (c *clock) Random(n int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chances.Int64N(n)
}

func (c *clock) AfterFunc(d time.Duration, f func()) eip.Timer {
	t := &timer{clock: c, f: f}
	t.Reset(d)
	return t
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
	c.mu.Lock()
	if len(c.timers) == 0 {
		c.mu.Unlock()
		return false
	}
	t := slices.MinFunc(c.timers, func(a, b *timer) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.number, b.number))
	})
	if t.at.After(until) {
		c.mu.Unlock()
		return false
	}
	c.now = t.at
	t.remove()
	c.mu.Unlock()
	t.f()
	settle()
	return true
}

// advance lets time pass. Timers on the way fire in their order, each when nothing moves
// any more that the one before brought about.
func (c *clock) advance(d time.Duration, over func() bool) {
	until := c.Now().Add(d)
	for !over() && c.next(until) {
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = until
}

type timer struct {
	clock  *clock
	at     time.Time
	number int
	f      func()
}

func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.remove()
}

func (t *timer) Reset(d time.Duration) bool {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	ran := t.remove()
	if d <= 0 {
		go t.f()
		return ran
	}
	c.made++
	t.at, t.number = c.now.Add(d), c.made
	c.timers = append(c.timers, t)
	return ran
}

// remove reports whether the timer ran. The lock is held.
func (t *timer) remove() bool {
	i := slices.Index(t.clock.timers, t)
	if i >= 0 {
		t.clock.timers = slices.Delete(t.clock.timers, i, i+1)
	}
	return i >= 0
}
