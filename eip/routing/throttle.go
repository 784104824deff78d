package routing

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("throttle", func() eip.Stage { return NewThrottle() }) }

// A Throttle lets so many messages pass in a time and no more. The others wait, and slow
// their source down, or are dropped.
type Throttle struct {
	// Rate is how many messages pass in the time that per gives. A process counts its own.
	Rate eip.Live[Rate] `flow:"rate,required"`
	// The time that rate counts in.
	Per time.Duration `flow:"per"`
	// Burst is how many may pass at once after a pause. With 1 they are spread evenly.
	Burst int `flow:"burst"`
	// What becomes of a message that is too many: it waits, or is dropped and counted.
	Excess Excess `flow:"excess"`
	// ExcessTo is where messages go that are too many, in place of being dropped.
	ExcessTo eip.Handler `flow:"excess_to"`

	clock  eip.Clock
	bucket *rate.Limiter
	turn   chan struct{} // of who waits for the next token

	passed, waited, excess, waiting atomic.Int64
	times                           stats.Histogram
}

// A Rate is a number of messages.
type Rate float64

// Validate checks that it is more than none.
func (r Rate) Validate() error {
	if r > 0 && r <= 1e9 {
		return nil
	}
	return fmt.Errorf("%v is no rate; give a number of messages, more than 0 and at most 1e9", float64(r))
}

// Excess says what becomes of messages that are too many.
type Excess string

// What there is to do.
const (
	ExcessWaits     Excess = "wait"
	ExcessIsDropped Excess = "drop"
)

// Options returns them all.
func (Excess) Options() []string { return []string{string(ExcessWaits), string(ExcessIsDropped)} }

// NewThrottle returns a Throttle that counts in seconds, and needs its Rate.
func NewThrottle() *Throttle { return &Throttle{Per: time.Second, Burst: 1, Excess: ExcessWaits} }

// Pattern names what the stage is.
func (*Throttle) Pattern() string { return "Throttler" }

// Validate checks the options.
func (t *Throttle) Validate() error {
	switch {
	case t.Per <= 0:
		return eip.OptionErrorf("per", "%v is no time; give more than 0s", t.Per)
	case t.Burst < 1:
		return eip.OptionErrorf("burst", "%d messages are none; give at least 1", t.Burst)
	case t.ExcessTo != nil && t.Excess == ExcessIsDropped:
		return eip.OptionErrorf("excess_to", `messages are either dropped or go there; leave out excess = "drop"`)
	}
	if err := t.Rate.Load().Validate(); err != nil {
		return eip.OptionErrorf("rate", "%w", err)
	}
	return nil
}

// Open begins to count.
func (t *Throttle) Open(_ context.Context, env *eip.Env) error {
	t.clock, t.bucket, t.turn = env.Clock, rate.NewLimiter(t.limit(), t.Burst), make(chan struct{}, 1)
	return nil
}

func (t *Throttle) limit() rate.Limit {
	return rate.Limit(float64(t.Rate.Load()) / t.Per.Seconds())
}

// Process passes m on, at once or when it is its turn.
func (t *Throttle) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if t.Excess == ExcessIsDropped || t.ExcessTo != nil {
		if !t.take(t.clock.Now()) {
			return t.tooMany(ctx, m)
		}
	} else if err := t.wait(ctx, m); err != nil {
		return m.Undecided(t, err)
	}
	m.CountAt(t, &t.passed)
	return next.Handle(ctx, m)
}

// take takes a token, if there is one.
func (t *Throttle) take(now time.Time) bool {
	if l := t.limit(); l != t.bucket.Limit() {
		t.bucket.SetLimitAt(now, l)
	}
	return t.bucket.AllowN(now, 1)
}

// wait takes a token as soon as there is one, and heeds a rate that is set meanwhile.
func (t *Throttle) wait(ctx context.Context, m *eip.Message) error {
	t.waiting.Add(1)
	defer t.waiting.Add(-1)
	began, waited := t.clock.Now(), false
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.turn }()
	for now := t.clock.Now(); !t.take(now); now = t.clock.Now() {
		waited = true
		r := t.bucket.ReserveN(now, 1)
		in := min(max(r.DelayFrom(now), 1), time.Second)
		r.CancelAt(now)
		if err := t.clock.Sleep(ctx, in); err != nil {
			return err
		}
	}
	if waited && m.CountsAt(t) {
		t.waited.Add(1)
		t.times.Record(t.clock.Since(began))
	}
	return nil
}

func (t *Throttle) tooMany(ctx context.Context, m *eip.Message) error {
	m.CountAt(t, &t.excess)
	if t.ExcessTo == nil {
		m.Drop()
		return nil
	}
	m.Sent(1)
	return t.ExcessTo.Handle(ctx, m)
}

// Stats returns how many messages "passed", how many of them "waited" and how many wait
// at present, how many were too many ("excess"), and how long those waited that did.
func (t *Throttle) Stats() stats.Own {
	return stats.Own{Gauges: []string{"waiting"}, Times: map[string]*stats.Histogram{"wait": &t.times},
		Counts: map[string]int64{"passed": t.passed.Load(), "waited": t.waited.Load(), "waiting": t.waiting.Load(), "excess": t.excess.Load()}}
}
