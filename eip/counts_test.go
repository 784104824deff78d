package eip_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

// onNumber makes a stage that does something of its own to some messages, by their
// number and the attempt, and passes the others on.
func onNumber(do map[int]func(attempt int, m *eip.Message) (done bool, err error)) eip.Stage {
	attempts := map[int]int{}
	return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		var n int
		fmt.Sscan(string(m.Body()), &n)
		attempts[n]++
		if f := do[n]; f != nil {
			if done, err := f(attempts[n], m); done || err != nil {
				return err
			}
		}
		return next.Handle(ctx, m)
	})
}

var errBroken = errors.New("broken")

func failUntil(attempt int) func(int, *eip.Message) (bool, error) {
	return func(n int, _ *eip.Message) (bool, error) {
		if n < attempt {
			return false, errBroken
		}
		return false, nil
	}
}

func drop(_ int, m *eip.Message) (bool, error) {
	m.Drop()
	return true, nil
}

func invalid(int, *eip.Message) (bool, error) { return false, eip.Invalid(errBroken) }

func sendAndDrop(_ int, m *eip.Message) (bool, error) {
	m.Sent(2)
	m.Drop()
	return true, nil
}

type doing = map[int]func(int, *eip.Message) (bool, error)

func named(address string, s eip.Stage) *eip.Named { return &eip.Named{Address: address, Stage: s} }

// Each message counts once at each stage, whatever became of it and however often
// it was tried, and the stage where it failed is the one that says so.
func TestCounts_AddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := named("f.first", onNumber(nil))
		inner := named("f.outer.inner", onNumber(doing{
			1: drop, 2: failUntil(3), 3: failUntil(9), 4: invalid, 5: sendAndDrop,
			6: func(n int, m *eip.Message) (bool, error) { // drops what it could not read at first
				if n == 1 {
					return false, errBroken
				}
				return drop(n, m)
			},
		}))
		outer := named("f.outer", &within{eip.Pipe{Stages: []eip.Stage{inner}}})
		last := named("f.last", onNumber(doing{7: failUntil(2), 8: failUntil(9)}))
		src, out, dead, bad := &numbered{n: 20}, &recorder{}, &recorder{}, &recorder{}
		confirm := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			if string(m.Body()) != "9" {
				return out.Handle(ctx, m)
			}
			release := m.Hold() // refused when all stages are done with it
			time.AfterFunc(time.Second, func() { release(errBroken) })
			return nil
		})
		f := &eip.Flow{Name: "f", Source: src, Stages: []eip.Stage{first, outer, last}, To: confirm, DeadLetter: dead, Invalid: bad}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		src.check(t)
		flow, tests := f.Counts()
		if want := (stats.Counts{Received: 20, Sent: 20 - 2 - 4, Dropped: 2, Failed: 4, DeadLettered: 3, Invalid: 1, Retried: 2 + 2 + 1 + 1 + 2 + 2, Copies: 13 + 2}); flow != want {
			t.Errorf("flow:  %+v\nwant   %+v", flow, want)
		}
		if tests != (stats.Counts{}) {
			t.Errorf("tests: %+v, and there were none", tests)
		}
		for _, c := range []struct {
			stage *eip.Named
			want  stats.Counts
		}{
			{first, stats.Counts{Received: 20, Sent: 20}},
			{outer, stats.Counts{Received: 20, Sent: 20}},
			{inner, stats.Counts{Received: 20, Sent: 15, Dropped: 3, Failed: 2, DeadLettered: 1, Invalid: 1, Retried: 2 + 2 + 1, Copies: 2}},
			{last, stats.Counts{Received: 15, Sent: 14, Failed: 1, DeadLettered: 1, Retried: 1 + 2}},
		} {
			if got, _ := c.stage.Counts(); got != c.want {
				t.Errorf("%s: %+v\nwant   %+v", c.stage.Address, got, c.want)
			}
		}
		if n := f.Latency().Durations().Count; n == 0 {
			t.Error("nothing was measured")
		}
	})
}

// within is a stage with a body.
type within struct{ body eip.Pipe }

func (w *within) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return w.body.Process(ctx, m, next)
}

func (w *within) Nested() []*eip.Pipe { return []*eip.Pipe{&w.body} }

// What a Chain as To, or as one of several, lets through is counted by its own end; its
// stages stand beside the flow's.
func TestCounts_OfChainsToSendBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		beside := named("f.i.filter", onNumber(doing{1: drop, 2: failUntil(2)}))
		for name, c := range map[string]struct {
			to   func(by eip.Handler) eip.Handler
			want stats.Counts
		}{
			"alone": {func(by eip.Handler) eip.Handler { return by }, stats.Counts{Received: 3, Sent: 2, Dropped: 1, Retried: 1, Copies: 2}},
			"one of two": {func(by eip.Handler) eip.Handler { return eip.Multicast{by, eip.HandlerFunc(eip.Discard.Handle)} },
				stats.Counts{Received: 3, Sent: 3, Retried: 1, Copies: 5}},
		} {
			out := &recorder{}
			by := eip.Chain([]eip.Stage{beside}, out)
			f := &eip.Flow{Name: "f", Source: &numbered{n: 3}, To: c.to(by), Beside: []eip.Stage{beside}}
			if err := f.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, _ := f.Counts(); got != c.want {
				t.Errorf("%s: %+v\nwant %+v", name, got, c.want)
			}
			if got, _ := beside.Counts(); got != (stats.Counts{Received: 3, Sent: 2, Dropped: 1, Retried: 1}) {
				t.Errorf("%s: beside: %+v", name, got)
			}
			beside = named("f.i.filter", onNumber(doing{1: drop, 2: failUntil(2)}))
		}
	})
}

// A message that passed a stage in one attempt and fails there for good in another
// has failed there.
func TestCounts_OfAStageThatFailsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failLater := func(n int, _ *eip.Message) (bool, error) {
			if n > 1 {
				return false, errBroken
			}
			return false, nil
		}
		a, b := named("f.a", onNumber(doing{1: failLater})), named("f.b", onNumber(doing{1: failUntil(9)}))
		f := &eip.Flow{Name: "f", Source: &numbered{n: 1}, Stages: []eip.Stage{a, b}, To: eip.Discard, DeadLetter: eip.Discard}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, _ := a.Counts(); got != (stats.Counts{Received: 1, Failed: 1, DeadLettered: 1, Retried: 1}) {
			t.Errorf("a: %+v", got)
		}
		if got, _ := b.Counts(); got != (stats.Counts{Received: 1, Sent: 1, Retried: 1}) {
			t.Errorf("b: %+v", got)
		}
	})
}

// A flow may have more stages than fit one word of the receipt.
func TestCounts_OfManyStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &eip.Flow{Name: "f", Source: &numbered{n: 3}, To: eip.Discard, DeadLetter: eip.Discard}
		for i := range 100 {
			f.Stages = append(f.Stages, named(fmt.Sprint("f.", i), onNumber(nil)))
		}
		f.Stages = append(f.Stages, named("f.last", onNumber(doing{2: failUntil(3)})))
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Stages {
			c, _ := s.(*eip.Named).Counts()
			c.Retried = 0
			if c != (stats.Counts{Received: 3, Sent: 3}) {
				t.Errorf("%s: %+v", s.(*eip.Named).Address, c)
			}
		}
	})
}

// Test Messages are counted apart, also those that a stage makes of them.
func TestCounts_OfTestMessages(t *testing.T) {
	a := named("f.a", eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return eip.Await(ctx, next, m)
	}))
	b := named("f.b", onNumber(nil))
	src := &numbered{n: 4}
	f := &eip.Flow{Name: "f", Source: receiveFunc(func(ctx context.Context) (*eip.Message, error) {
		m, err := src.Receive(ctx)
		if m != nil && string(m.Body()) != "1" {
			m = m.WithHeader(header.Test, "t")
		}
		return m, err
	}), Stages: []eip.Stage{a, b}, To: eip.Discard}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []interface {
		Counts() (stats.Counts, stats.Counts)
	}{f, a, b} {
		business, tests := c.Counts()
		if business.Received != 1 || business.Sent != 1 || tests.Received != 3 || tests.Sent != 3 {
			t.Errorf("%+v, %+v", business, tests)
		}
	}
}

type receiveFunc func(context.Context) (*eip.Message, error)

func (f receiveFunc) Receive(ctx context.Context) (*eip.Message, error) { return f(ctx) }

func TestCounts_Minus(t *testing.T) {
	before := stats.Counts{Received: 10, Sent: 5, Failed: 2, DeadLettered: 2, InFlight: 3, Retried: 4, Copies: 5}
	now := stats.Counts{Received: 20, Sent: 15, Failed: 2, DeadLettered: 2, Dropped: 1, InFlight: 2, Retried: 5, Copies: 15}
	if got, want := now.Minus(before), (stats.Counts{Received: 13, Sent: 10, Dropped: 1, InFlight: 2, Retried: 1, Copies: 10}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A branch that is taken again after an earlier failure is measured without what
// follows it.
func TestLatency_IsTheStagesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(d time.Duration) eip.Stage {
			return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				time.Sleep(d)
				return next.Handle(ctx, m)
			})
		}
		a, b := named("f.a", slow(time.Second)), named("f.b", slow(2*time.Second))
		outer := named("f.outer", &within{eip.Pipe{Stages: []eip.Stage{a}}})
		f := &eip.Flow{Name: "f", Source: &numbered{n: 3}, Stages: []eip.Stage{outer, b}, To: eip.HandlerFunc(func(context.Context, *eip.Message) error {
			time.Sleep(4 * time.Second)
			return nil
		})}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			of   *stats.Histogram
			want time.Duration
		}{{"flow", f.Latency(), 7 * time.Second}, {"outer", outer.Latency(), 0}, {"a", a.Latency(), time.Second}, {"b", b.Latency(), 2 * time.Second}} {
			if d := c.of.Durations(); d.Count != 3 || d.Max != c.want || d.Min != c.want {
				t.Errorf("%s: %+v, want 3 of %v", c.name, d, c.want)
			}
		}
	})
}
