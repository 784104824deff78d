package eiptest

import (
	"slices"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// A Clock is an [eip.Timekeeper] whose time passes when a test says so. It is safe for
// concurrent use.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer // that run
}

// NewClock returns a Clock at midnight, UTC.
func NewClock() *Clock { return &Clock{now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc has Advance call f; where d is no time, a goroutine of f's own does.
func (c *Clock) AfterFunc(d time.Duration, f func()) eip.Timer {
	t := &timer{clock: c, f: f}
	t.Reset(d)
	return t
}

// Advance lets time pass, and calls what is due until then, in the order of time.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := c.now.Add(d)
	for len(c.timers) > 0 {
		t := slices.MinFunc(c.timers, func(a, b *timer) int { return a.at.Compare(b.at) })
		if t.at.After(until) {
			break
		}
		c.now = t.at
		t.remove()
		c.mu.Unlock()
		t.f()
		c.mu.Lock()
	}
	c.now = until
}

type timer struct {
	clock *Clock
	at    time.Time
	f     func()
}

func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.remove()
}

func (t *timer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	ran := t.remove()
	if d <= 0 {
		go t.f()
		return ran
	}
	t.at = t.clock.now.Add(d)
	t.clock.timers = append(t.clock.timers, t)
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
