package eiptest

import (
	"time"

	"github.com/eipd/eipd/eip/internal/handclock"
)

// A Clock is an [eip.Timekeeper] whose time passes when a test says so. It is safe for
// concurrent use.
type Clock struct{ handclock.Clock }

// NewClock returns a Clock at midnight, UTC.
func NewClock() *Clock {
	c := &Clock{}
	c.Set(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	return c
}

// Advance lets time pass, and calls what is due until then, in the order of time.
func (c *Clock) Advance(d time.Duration) {
	until := c.Now().Add(d)
	for c.Next(until) {
	}
	c.Set(until)
}
