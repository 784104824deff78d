// Package handclock is a clock for tests: its time passes when somebody says so.
package handclock

import (
	"slices"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// A Clock is an [eip.Timekeeper] that stands. It is safe for concurrent use.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*timer // that run, in the order in which they were set
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set has it be that time, and calls nothing.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// AfterFunc has Next call f; where d is no time, a goroutine of f's own does.
func (c *Clock) AfterFunc(d time.Duration, f func()) eip.Timer {
	t := &timer{clock: c, f: f}
	t.Reset(d)
	return t
}

// Next goes on to what is due first, if that is by then, and calls it.
func (c *Clock) Next(until time.Time) bool {
	t := c.first(until)
	if t == nil {
		return false
	}
	t.f()
	return true
}

func (c *Clock) first(until time.Time) *timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 {
		return nil
	}
	t := slices.MinFunc(c.timers, func(a, b *timer) int { return a.at.Compare(b.at) })
	if t.at.After(until) {
		return nil
	}
	c.now = t.at
	t.remove()
	return t
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
