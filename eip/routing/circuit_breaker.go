package routing

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("circuit_breaker", func() eip.Stage { return NewCircuitBreaker() }) }

// A CircuitBreaker spares a service that does not work: when its stages have failed too
// often it opens, and messages do not try them for a time. Then a few try whether they work
// again.
type CircuitBreaker struct {
	// How many failures within window open it.
	Failures int `flow:"failures"`
	// The time within which failures count together.
	Window time.Duration `flow:"window"`
	// How long it stays open, before messages try again.
	OpenFor time.Duration `flow:"open"`
	// How many messages try again at first. When all of them get through it closes; when one
	// fails it opens again.
	HalfOpen int `flow:"half_open"`
	// While it is open messages wait, and slow their source down, in place of failing.
	Pause bool `flow:"pause"`
	// Whether it may open. false: all messages try.
	Enabled eip.Live[bool] `flow:"enabled"`
	// Which way messages go: auto is as failures say, open keeps them away from the stages,
	// as while the service is repaired.
	State eip.Live[CircuitState] `flow:"state"`
	// The stages that may fail. With a `to` messages leave the flow by it.
	Body eip.Pipe `flow:",body"`
	// The stages that messages pass in place of the others while it is open.
	Fallback eip.Pipe `flow:"fallback,body"`

	address string
	clock   eip.Clock
	circuit circuit

	passed, failed, refused atomic.Int64
}

// CircuitState says how a CircuitBreaker's state comes about.
type CircuitState string

// The states that can be set.
const (
	CircuitAuto CircuitState = "auto"
	CircuitOpen CircuitState = "open"
)

// Options returns them.
func (CircuitState) Options() []string { return []string{string(CircuitAuto), string(CircuitOpen)} }

// Validate checks that it is one of them.
func (s CircuitState) Validate() error {
	if s == CircuitAuto || s == CircuitOpen {
		return nil
	}
	return eip.OptionErrorf("state", "must be auto or open")
}

// NewCircuitBreaker returns a CircuitBreaker that opens for 30 seconds at five failures in
// ten.
func NewCircuitBreaker() *CircuitBreaker {
	return &CircuitBreaker{Failures: 5, Window: 10 * time.Second, OpenFor: 30 * time.Second, HalfOpen: 1,
		Enabled: eip.LiveOf(true), State: eip.LiveOf(CircuitAuto)}
}

const mostFailures = 10_000 // that are remembered

// Validate checks the options.
func (b *CircuitBreaker) Validate() error {
	switch {
	case empty(&b.Body):
		return errors.New("it needs stages that may fail, or a `to`")
	case b.Failures < 1 || b.Failures > mostFailures:
		return eip.OptionErrorf("failures", "must be from 1 to %d", mostFailures)
	case b.Window <= 0:
		return eip.OptionErrorf("window", "must be more than 0s")
	case b.OpenFor <= 0:
		return eip.OptionErrorf("open", "must be more than 0s")
	case b.HalfOpen < 1:
		return eip.OptionErrorf("half_open", "must be 1 or more, or it would never close")
	case b.Pause && !empty(&b.Fallback):
		return eip.OptionErrorf("pause", "messages either wait or go by the fallback")
	}
	return b.State.Load().Validate()
}

// Pattern names what the stage is.
func (*CircuitBreaker) Pattern() string { return "Circuit Breaker" }

// Open closes the circuit.
func (b *CircuitBreaker) Open(_ context.Context, env *eip.Env) error {
	b.address, b.clock = env.Address, env.Clock
	b.circuit.reset()
	return nil
}

var errOpen = errors.New("the circuit is open")

// Process passes m through the stages, or round them while the circuit is open.
func (b *CircuitBreaker) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	trial, wait := b.enter()
	for wait > 0 && b.Pause {
		if err := b.wait(ctx, wait); err != nil {
			return m.Undecided(b, err)
		}
		trial, wait = b.enter()
	}
	if wait > 0 {
		m.CountAt(b, &b.refused)
		if empty(&b.Fallback) {
			return eip.Unavailable(errOpen, wait)
		}
		return b.Fallback.Process(ctx, m, onwards(&b.Fallback, next))
	}
	outcome := abandoned // by a panic, say
	defer func() { b.leave(trial, outcome) }()
	err := b.Body.Process(ctx, m, onwards(&b.Body, next))
	outcome = b.outcome(ctx, err)
	counted := &b.passed
	if outcome == broken {
		counted = &b.failed
	}
	m.CountAt(b, counted)
	return err
}

// outcome is what a message says of the stages. One that is itself to blame, or that fails
// at what follows, says that they work.
func (b *CircuitBreaker) outcome(ctx context.Context, err error) outcome {
	var at *eip.StageError
	switch {
	case err == nil, eip.IsPermanent(err):
		return worked
	case errors.As(err, &at) && b.address != "" && !at.Within(b.address):
		return worked
	case ctx.Err() != nil:
		return abandoned
	}
	return broken
}

// enter asks for a way through; wait is how long it is shut, as far as is known.
func (b *CircuitBreaker) enter() (trial bool, wait time.Duration) {
	switch {
	case !b.Enabled.Load():
		return false, 0
	case b.State.Load() == CircuitOpen:
		return false, b.OpenFor
	}
	return b.circuit.enter(b.clock.Now(), b.HalfOpen)
}

func (b *CircuitBreaker) leave(trial bool, o outcome) {
	b.circuit.leave(trial, o, b.clock.Now(), b)
}

// wait waits until the circuit may have closed, and heeds what is set meanwhile.
func (b *CircuitBreaker) wait(ctx context.Context, d time.Duration) error {
	changed := b.circuit.wait()
	defer b.circuit.waiting.Add(-1)
	due, timer := b.clock.NewTimer(min(d, time.Second))
	defer timer.Stop()
	select {
	case <-due:
	case <-changed:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// Nested returns the bodies.
func (b *CircuitBreaker) Nested() []*eip.Pipe { return written(&b.Body, &b.Fallback) }

// onwards is what follows a body. One that could be the end, with an exec say, is none where
// something follows.
func onwards(p *eip.Pipe, next eip.Handler) eip.Handler {
	if _, passes := ending(p); !passes {
		return nil
	}
	return next
}

// Ends is true where both bodies may be the end.
func (b *CircuitBreaker) Ends() (last, passes bool) {
	last = true
	for _, p := range b.Nested() {
		may, on := ending(p)
		last, passes = last && may, passes || on
	}
	return last, passes
}

// Trouble says that the circuit is open.
func (b *CircuitBreaker) Trouble() error {
	if b.Enabled.Load() && (b.State.Load() == CircuitOpen || b.circuit.isOpen()) {
		return errOpen
	}
	return nil
}

// Stats returns how many messages "passed" the stages, how many "failed" there, and how many
// were kept away from them ("refused"); how often the circuit has "opened", whether it is
// "open" and how many messages wait ("waiting").
func (b *CircuitBreaker) Stats() stats.Own {
	open := int64(0)
	if b.Trouble() != nil {
		open = 1
	}
	return stats.Own{Gauges: []string{"open", "waiting"}, Counts: map[string]int64{"passed": b.passed.Load(), "failed": b.failed.Load(),
		"refused": b.refused.Load(), "opened": b.circuit.opened.Load(), "open": open, "waiting": b.circuit.waiting.Load()}}
}
