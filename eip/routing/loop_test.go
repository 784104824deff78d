package routing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/stats"
)

// grows is a stage that adds a letter to a body.
func grows(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m.WithBody([]byte(string(m.Body())+"x")))
}

// shorter holds for bodies of less than n letters.
func shorter(n int) eip.Predicate {
	return func(_ context.Context, m *eip.Message) (bool, error) { return len(m.Body()) < n, nil }
}

func fixed(v any) eip.Value {
	return func(context.Context, *eip.Message) (any, error) { return v, nil }
}

// loop is one of a number of rounds, or while a predicate holds.
func loop(how any, stages ...eip.Stage) *routing.Loop {
	l := routing.NewLoop()
	l.Body.Stages = stages
	if p, ok := how.(eip.Predicate); ok {
		l.While.Set(p)
	} else {
		l.Times = fixed(how)
	}
	return l
}

func ExampleLoop() {
	l := routing.NewLoop()
	l.While.Set(func(_ context.Context, m *eip.Message) (bool, error) { return len(m.Body()) < 5, nil })
	l.Body.Stages = []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithBody(append([]byte("0"), m.Body()...)))
	})}
	flow := eip.Chain([]eip.Stage{l}, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Printf("%s\n", m.Body())
		return nil
	}))
	eip.Deliver(context.Background(), flow, eip.New([]byte("42"), nil))
	// Output: 00042
}

func TestLoop_KeepsTheContract(t *testing.T) {
	of := func(how any, stages ...eip.StageFunc) func(eip.Handler) eip.Stage {
		return func(eip.Handler) eip.Stage {
			l := loop(how)
			for _, s := range stages {
				l.Body.Stages = append(l.Body.Stages, s)
			}
			return l
		}
	}
	for name, c := range map[string]eiptest.StageCase{
		"while":           {New: of(shorter(100), grows)},
		"times":           {New: of(3, grows)},
		"not once":        {New: of(0, grows)},
		"far too often":   {New: of(1001, grows), Outcome: eiptest.Rejects},
		"less than never": {New: of(-1, grows), Outcome: eiptest.Rejects},
		"some times":      {New: of("three", grows), Outcome: eiptest.Rejects},
		"while what":      {New: of(eip.Predicate(fails), grows), Outcome: eiptest.Rejects},
		"drops":           {New: of(3, func(_ context.Context, m *eip.Message, _ eip.Handler) error { m.Drop(); return nil }), Outcome: eiptest.Drops},
		"fails":           {New: of(3, grows, func(context.Context, *eip.Message, eip.Handler) error { return errAway }), Outcome: eiptest.Fails},
		"panics":          {New: of(3, func(context.Context, *eip.Message, eip.Handler) error { panic("!") }), Outcome: eiptest.Fails},
		"sends in the loop": {Sends: 4, New: func(to eip.Handler) eip.Stage {
			return loop(3, eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				if err := to.Handle(ctx, m); err != nil {
					return err
				}
				return next.Handle(ctx, m)
			}))
		}},
	} {
		t.Run(name, func(t *testing.T) { eiptest.Stage(t, c) })
	}
}

func TestLoop_Rounds(t *testing.T) {
	l := loop(shorter(4), eip.StageFunc(grows))
	l.Max.Set(3)
	for body, want := range map[string]string{"a": "axxx", "abcd": "abcd", "": ""} {
		passed, err := eiptest.Process(t.Context(), l, eiptest.Message(body))
		switch {
		case want == "":
			if !eip.IsInvalid(err) || !strings.Contains(err.Error(), "more than 3 times") {
				t.Error(err)
			}
		case err != nil || len(passed) != 1 || string(passed[0].Body()) != want:
			t.Errorf("%s: %v, %v", body, passed, err)
		}
	}
	if want := map[string]int64{"messages": 3, "rounds": 6}; !maps.Equal(l.Stats().Counts, want) {
		t.Errorf("%v, want %v", l.Stats().Counts, want)
	}
}

// How often is a whole number, and the error says what it is in its place.
func TestLoop_Times(t *testing.T) {
	for times, why := range map[any]string{
		2: "", 2.0: "", json.Number("2.0"): "", 0: "", -1: "-1 times", 4: "max is 3",
		1.5: "a fraction", 1e30: "too large", json.Number("1e30"): "too large", json.Number("1e999"): "too large", "2": "text", nil: "nil", true: "a boolean",
	} {
		l := loop(times, eip.StageFunc(grows))
		l.Max.Set(3)
		_, err := eiptest.Process(t.Context(), l, eiptest.Message("a"))
		if why == "" && err != nil || why != "" && (!eip.IsInvalid(err) || !strings.Contains(err.Error(), why)) {
			t.Errorf("%v: %v, want %q", times, err, why)
		}
	}
}

// Loops in each other end, too.
func TestLoop_Nested(t *testing.T) {
	var n atomic.Int64
	count := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		n.Add(1)
		return next.Handle(ctx, m)
	})
	passed, err := eiptest.Process(t.Context(), loop(20, loop(30, loop(40, count))), eiptest.Message("m"))
	if err != nil || len(passed) != 1 || n.Load() != 20*30*40 {
		t.Errorf("%d times, %v", n.Load(), err)
	}
	n.Store(0)
	l := loop(1000, loop(1000, loop(1000, count)))
	if _, err := eiptest.Process(t.Context(), l, eiptest.Message("m")); !eip.IsInvalid(err) || !strings.Contains(err.Error(), "100000 times") || n.Load() >= 100_000 {
		t.Errorf("%d times, %v", n.Load(), err)
	}
	if _, err := eiptest.Process(t.Context(), l, eiptest.Message("m")); !eip.IsInvalid(err) {
		t.Error(err)
	}
}

// A loop lets go at the end, also where its stages heed nothing.
func TestLoop_IsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	rounds := 0
	l := loop(1000, eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		if rounds++; rounds == 5 {
			cancel()
		}
		return next.Handle(ctx, m)
	}))
	if _, err := eiptest.Process(ctx, l, eiptest.Message("m")); !errors.Is(err, context.Canceled) || rounds != 5 {
		t.Errorf("%d rounds, %v", rounds, err)
	}
}

// endless is a source of one large message and then small ones.
type endless struct{ n int }

func (s *endless) Receive(context.Context) (*eip.Message, error) {
	switch s.n++; {
	case s.n == 1:
		return eip.New(make([]byte, 1<<20), nil).With(func(m *eip.Message) { m.ContentType = "application/octet-stream" }), nil
	case s.n <= 100:
		return eiptest.Message("small"), nil
	}
	return nil, io.EOF
}

// What earlier rounds made of a message is gone, and keeps no others out.
func TestLoop_LeavesRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var small atomic.Int64
		again := loop(500, eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			time.Sleep(time.Second)
			return next.Handle(ctx, m.WithBody(make([]byte, len(m.Body()))))
		}))
		f := &eip.Flow{Name: "f", Source: &endless{}, Concurrency: 2, WindowBytes: 8 << 20, Stages: []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			if len(m.Body()) > 100 {
				return again.Process(ctx, m, next)
			}
			small.Add(1)
			time.Sleep(time.Second)
			return next.Handle(ctx, m)
		})}, To: eip.Discard}
		done := make(chan error)
		go func() { done <- f.Run(t.Context()) }()
		time.Sleep(200 * time.Second)
		if small.Load() < 99 {
			t.Errorf("%d others have passed", small.Load())
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A round is no copy of a message that is sent, and what ends in a later round has ended.
func TestLoop_Counts(t *testing.T) {
	rounds := 0
	l := loop(3, eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		if rounds++; rounds == 5 {
			m.Drop()
			return nil
		}
		return next.Handle(ctx, m)
	}))
	named := &eip.Named{Address: "f.loop", Stage: l}
	f := &eip.Flow{Name: "f", Source: eiptest.NewTexts("a", "b"), Stages: []eip.Stage{named}, To: eip.Discard}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	flow, _ := f.Counts()
	stage, _ := named.Counts()
	for what, c := range map[string]stats.Counts{"flow": flow, "stage": stage} {
		if c.Received != 2 || c.Sent != 1 || c.Dropped != 1 || c.Copies != 0 {
			t.Errorf("%s: %+v", what, c)
		}
	}
}

func TestLoop_Validate(t *testing.T) {
	for name, c := range map[string]struct {
		option string
		set    func(*routing.Loop)
	}{
		"for ever": {"", func(l *routing.Loop) { l.Times = nil }},
		"both":     {"times", func(l *routing.Loop) { l.While.Set(always(true)) }},
		"none":     {"max", func(l *routing.Loop) { l.Max.Set(0) }},
		"too many": {"max", func(l *routing.Loop) { l.Max.Set(100_001) }},
		"no stage": {"", func(l *routing.Loop) { l.Body.Stages = nil }},
		"to":       {"to", func(l *routing.Loop) { l.Body.To = eip.Discard }},
		"splits":   {"", func(l *routing.Loop) { l.Body.Stages = []eip.Stage{routing.NewSplitter()} }},
	} {
		l := loop(3, eip.StageFunc(grows))
		if err := l.Validate(); err != nil {
			t.Error(err)
		}
		c.set(l)
		if err := l.Validate(); err == nil || optionOf(err) != c.option {
			t.Errorf("%s: %v", name, err)
		}
	}
}
