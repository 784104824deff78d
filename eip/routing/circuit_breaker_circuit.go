package routing

import (
	"sync"
	"sync/atomic"
	"time"
)

// outcome is what became of a message at stages that may not work.
type outcome int

const (
	worked outcome = iota
	broken
	abandoned // it says nothing
)

// circuit is the state of a CircuitBreaker.
type circuit struct {
	mu       sync.Mutex
	failures []time.Time // the last ones, while it is closed
	open     bool
	until    time.Time // when it is half open
	trying   int       // messages that try, while it is half open
	proved   int       // that got through
	changed  chan struct{}

	opened, waiting atomic.Int64
}

func (c *circuit) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(false)
}

// turn opens or closes the circuit.
func (c *circuit) turn(open bool) {
	c.open, c.failures, c.trying, c.proved = open, c.failures[:0], 0, 0
	c.signal()
}

func (c *circuit) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// enter lets a message in, as a trial where the circuit is half open, or says how long to
// wait.
func (c *circuit) enter(now time.Time, trials int) (trial bool, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.open:
		return false, 0
	case now.Before(c.until):
		return false, c.until.Sub(now)
	case c.trying+c.proved >= trials:
		return false, time.Second
	}
	c.trying++
	return true, 0
}

// leave is told what became of a message that was let in.
func (c *circuit) leave(trial bool, o outcome, now time.Time, b *CircuitBreaker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case trial != c.open || trial && c.trying == 0: // of before it turned
	case trial:
		c.trying--
		switch o {
		case worked:
			if c.proved++; c.proved >= b.HalfOpen {
				c.turn(false)
			}
		case broken:
			c.trip(now.Add(b.OpenFor))
		case abandoned:
			c.signal()
		}
	case o == broken && b.Enabled.Load():
		if len(c.failures) == b.Failures {
			c.failures = append(c.failures[:0], c.failures[1:]...)
		}
		c.failures = append(c.failures, now)
		if len(c.failures) == b.Failures && now.Sub(c.failures[0]) <= b.Window {
			c.trip(now.Add(b.OpenFor))
		}
	}
}

func (c *circuit) trip(until time.Time) {
	c.turn(true)
	c.until = until
	c.opened.Add(1)
}

// signal wakes those who wait.
func (c *circuit) signal() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// wait returns what is closed when the circuit turns, and counts who waits.
func (c *circuit) wait() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting.Add(1)
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}
