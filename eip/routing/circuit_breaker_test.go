package routing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
)

var errAway = errors.New("away")

// service is a stage that works or does not.
type service struct{ err error }

func (s *service) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	if s.err != nil {
		return s.err
	}
	return next.Handle(ctx, m)
}

// asking is one that may be the end of a body, and passes messages on where more follows.
type asking struct{ service }

func (*asking) Ends() (last, passes bool) { return true, true }

func breaker(s eip.Stage, set func(*routing.CircuitBreaker)) *routing.CircuitBreaker {
	b := routing.NewCircuitBreaker()
	b.Failures = 2
	b.Body.Stages = []eip.Stage{&eip.Named{Address: "f.breaker.service", Stage: s}}
	if set != nil {
		set(b)
	}
	return b
}

func TestCircuitBreaker_KeepsTheContract(t *testing.T) {
	pass := func(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) }
	for name, c := range map[string]eiptest.StageCase{
		"closed":                      {New: func(eip.Handler) eip.Stage { return breaker(eip.StageFunc(pass), nil) }},
		"a stage that may be the end": {New: func(eip.Handler) eip.Stage { return breaker(&asking{}, nil) }},
		"to": {New: func(to eip.Handler) eip.Stage {
			return breaker(eip.StageFunc(pass), func(b *routing.CircuitBreaker) { b.Body.To = to })
		}},
		"open": {Outcome: eiptest.Fails, New: func(eip.Handler) eip.Stage {
			return breaker(eip.StageFunc(pass), func(b *routing.CircuitBreaker) { b.State.Set(routing.CircuitOpen) })
		}},
		"fallback": {New: func(eip.Handler) eip.Stage {
			return breaker(&service{errAway}, func(b *routing.CircuitBreaker) {
				b.State.Set(routing.CircuitOpen)
				b.Fallback.Stages = []eip.Stage{eip.StageFunc(pass)}
			})
		}},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

// rig is an open breaker, and a clock for it.
type breakerRig struct {
	*routing.CircuitBreaker
	service *service
	clock   *eiptest.Clock
}

func newBreaker(t *testing.T, set func(*routing.CircuitBreaker)) *breakerRig {
	t.Helper()
	s := &service{}
	r := &breakerRig{breaker(s, set), s, eiptest.NewClock()}
	if err := errors.Join(r.Validate(), r.Open(t.Context(), &eip.Env{Address: "f.breaker", Clock: eip.Clock{Timekeeper: r.clock}})); err != nil {
		t.Fatal(err)
	}
	return r
}

// try passes a message while the service answers with err.
func (r *breakerRig) try(t *testing.T, err error) error {
	t.Helper()
	r.service.err = err
	return r.Process(t.Context(), eiptest.Message("m"), eip.Discard)
}

func (r *breakerRig) counts() string {
	c := r.Stats().Counts
	return fmt.Sprintf("%d passed, %d failed, %d refused, %d opened, open %d", c["passed"], c["failed"], c["refused"], c["opened"], c["open"])
}

func TestCircuitBreaker_OpensAndCloses(t *testing.T) {
	r := newBreaker(t, nil)
	refused := func() {
		t.Helper()
		if err := r.try(t, nil); err == nil || errors.Is(err, errAway) || eip.IsPermanent(err) || r.Trouble() == nil {
			t.Fatalf("%v, %v", err, r.Trouble())
		}
	}
	r.try(t, errAway)
	r.clock.Advance(11 * time.Second) // beyond the window
	r.try(t, errAway)
	if err := r.try(t, nil); err != nil || r.Trouble() != nil {
		t.Fatal("it is open, though failures are far apart", err)
	}
	r.try(t, eip.Permanent(errAway)) // which are the messages' fault
	r.try(t, eip.Invalid(errAway))
	r.try(t, errAway)
	refused()
	r.clock.Advance(29 * time.Second)
	refused()
	r.clock.Advance(time.Second)
	if err := r.try(t, errAway); !errors.Is(err, errAway) {
		t.Fatal("nobody has tried whether it works", err)
	}
	refused()
	r.clock.Advance(30 * time.Second)
	if err := r.try(t, nil); err != nil || r.Trouble() != nil {
		t.Fatal("it stays open, though the service works", err)
	}
	r.try(t, errAway) // it begins to count anew
	if err := r.try(t, nil); err != nil {
		t.Fatal(err)
	}
	if got := r.counts(); got != "5 passed, 5 failed, 3 refused, 2 opened, open 0" {
		t.Error(got)
	}
}

// full is a queue that takes nothing.
type full struct{}

func (full) Handle(context.Context, *eip.Message) error { return errAway }
func (full) String() string                             { return "queue.full" }

// What fails behind it says nothing of the service.
func TestCircuitBreaker_FailuresBehindIt(t *testing.T) {
	chain := func(err error, to eip.Handler) eip.Handler {
		return eip.Chain([]eip.Stage{&eip.Named{Address: "f.behind", Stage: &service{err}}}, to)
	}
	for name, behind := range map[string]eip.Handler{"a stage": chain(errAway, eip.Discard), "the flow's to": chain(nil, full{})} {
		r := newBreaker(t, nil)
		for range 10 {
			if err := r.Process(t.Context(), eiptest.Message("m"), behind); !errors.Is(err, errAway) {
				t.Fatal(err)
			}
		}
		if r.Trouble() != nil {
			t.Errorf("%s: it is open", name)
		}
	}
}

func TestCircuitBreaker_Set(t *testing.T) {
	r := newBreaker(t, nil)
	r.State.Set(routing.CircuitOpen)
	if r.try(t, nil) == nil || r.Trouble() == nil {
		t.Error("it is open by hand, and lets messages through")
	}
	r.State.Set(routing.CircuitAuto)
	r.Enabled.Set(false)
	for range 5 {
		if err := r.try(t, errAway); !errors.Is(err, errAway) || r.Trouble() != nil {
			t.Error(err)
		}
	}
	r.Enabled.Set(true)
	if err := r.try(t, nil); err != nil {
		t.Error("what failed while it was off has opened it", err)
	}
}

// With half_open, so many messages must get through, and no more than these try.
func TestCircuitBreaker_HalfOpen(t *testing.T) {
	r := newBreaker(t, func(b *routing.CircuitBreaker) { b.HalfOpen = 2 })
	r.try(t, errAway)
	r.try(t, errAway)
	r.clock.Advance(30 * time.Second)
	r.service.err = nil
	inner := 0
	err := r.Process(t.Context(), eiptest.Message("m"), eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		inner++
		if err := r.Process(ctx, m, eip.Discard); err != nil {
			t.Error("the second trial is refused", err)
		}
		if err := r.Process(ctx, m, eip.Discard); err == nil {
			t.Error("a third one is not")
		}
		return nil
	}))
	if err != nil || inner != 1 || r.Trouble() != nil {
		t.Error(err, r.Trouble())
	}
}

// With pause messages wait for the service, and for who ends their context.
func TestCircuitBreaker_Pause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{errAway}
		b := breaker(s, func(b *routing.CircuitBreaker) { b.Pause = true })
		if err := b.Open(t.Context(), &eip.Env{Address: "f.breaker"}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := b.Process(t.Context(), eiptest.Message("m"), eip.Discard); !errors.Is(err, errAway) {
				t.Fatal(err)
			}
		}
		s.err = nil
		done := make(chan error)
		for range 3 {
			go func() { done <- b.Process(t.Context(), eiptest.Message("m"), eip.Discard) }()
		}
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() { given <- b.Process(ctx, eiptest.Message("m"), eip.Discard) }()
		synctest.Wait()
		if n := b.Stats().Counts["waiting"]; n != 4 {
			t.Errorf("%d wait", n)
		}
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		began := time.Now()
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took < 29*time.Second || took > 33*time.Second {
			t.Errorf("they waited %v", took)
		}
		if n := b.Stats().Counts["waiting"]; n != 0 {
			t.Errorf("%d wait still", n)
		}
	})
}

func TestCircuitBreaker_Validate(t *testing.T) {
	for option, spoil := range map[string]func(*routing.CircuitBreaker){
		"":          func(b *routing.CircuitBreaker) { b.Body.Stages = nil },
		"failures":  func(b *routing.CircuitBreaker) { b.Failures = 0 },
		"window":    func(b *routing.CircuitBreaker) { b.Window = 0 },
		"open":      func(b *routing.CircuitBreaker) { b.OpenFor = 0 },
		"half_open": func(b *routing.CircuitBreaker) { b.HalfOpen = 0 },
		"pause":     func(b *routing.CircuitBreaker) { b.Pause, b.Fallback.To = true, eip.Discard },
		"state":     func(b *routing.CircuitBreaker) { b.State.Set("half") },
	} {
		b := breaker(&service{}, nil)
		if err := b.Validate(); err != nil {
			t.Error(err)
		}
		spoil(b)
		if err := b.Validate(); err == nil || optionOf(err) != option {
			t.Errorf("%s: %v", option, err)
		}
	}
}
