package eip_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// held is a source of messages of given sizes, and counts how many bytes of bodies
// are unsettled.
type held struct {
	sizes   []int
	headers eip.Headers
	bytes   atomic.Int64
	peak    int64
	largest int64
}

func (s *held) Receive(context.Context) (*eip.Message, error) {
	if len(s.sizes) == 0 {
		return nil, io.EOF
	}
	body := make([]byte, s.sizes[0])
	s.sizes = s.sizes[1:]
	m := eip.New(body, nil).WithHeaders(s.headers)
	size := m.Size()
	m = m.Fork(func(error) { s.bytes.Add(-size) })
	s.largest = max(s.largest, size)
	s.peak = max(s.peak, s.bytes.Add(size))
	return m, nil
}

func times(n int, sizes ...int) (all []int) {
	for range n {
		all = append(all, sizes...)
	}
	return all
}

// Whatever keeps messages unsettled, they take no more than the budget and one
// message.
func TestFlow_HoldsItsBudget(t *testing.T) {
	slowly := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		release := m.Hold()
		time.AfterFunc(time.Second, func() { release(nil) })
		return nil
	})
	fails := eip.HandlerFunc(func(context.Context, *eip.Message) error { return errors.New("down") })
	by := func(context.Context, *eip.Message) (string, error) { return "one", nil }
	twice := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithBody(make([]byte, 2*len(m.Body()))))
	})
	const budget = 100 << 10
	for _, c := range []struct {
		name    string
		sizes   []int
		headers eip.Headers
		flow    *eip.Flow
		factor  int64 // what a message takes with all that is made of it
	}{
		{"waiting for a confirm", times(100, 10<<10), nil, &eip.Flow{To: slowly}, 1},
		{"of all sizes", times(30, 1, 50<<10, 10, 300<<10, 20<<10), nil, &eip.Flow{To: slowly}, 1},
		{"waiting for a retry", times(20, 30<<10), nil, &eip.Flow{To: fails, Retry: eip.Retry{Attempts: 5, Delay: time.Minute}}, 1},
		{"waiting to be dead letters", times(20, 30<<10), nil, &eip.Flow{To: fails, DeadLetter: slowly, Retry: eip.Retry{Attempts: 1}}, 1},
		{"in lanes", times(50, 30<<10), nil, &eip.Flow{To: slowly, Concurrency: 4}, 1},
		{"in lanes by key", times(50, 30<<10), nil, &eip.Flow{To: slowly, Concurrency: 4, OrderBy: by}, 1},
		{"one by one", times(20, 200<<10), nil, &eip.Flow{To: slowly}, 1},
		{"with large headers", times(100, 1), eip.Headers{"a": eip.Headers{"b": []any{strings.Repeat("x", 10<<10)}}}, &eip.Flow{To: slowly}, 1},
		{"with a body made of it", times(50, 10<<10), nil, &eip.Flow{Stages: []eip.Stage{twice}, To: slowly}, 3},
		{"with bodies made of it time and again", times(50, 10<<10), nil, &eip.Flow{Stages: []eip.Stage{twice}, To: fails, Retry: eip.Retry{Attempts: 4}}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, n := &held{sizes: c.sizes, headers: c.headers}, int64(len(c.sizes))
				f := c.flow
				f.Name, f.Source, f.WindowBytes, f.Grace = "f", src, budget, time.Hour
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if most := budget/c.factor + src.largest; src.peak > most {
					t.Errorf("%d bytes were unsettled, more than %d", src.peak, most)
				}
				if got := received(f); got != n || f.InFlight() != 0 || src.bytes.Load() != 0 {
					t.Errorf("%d of %d messages passed; %d are in flight, with %d bytes", got, n, f.InFlight(), src.bytes.Load())
				}
			})
		})
	}
}

// Who keeps a message beyond its time, and makes others of it, takes nothing of the
// budget for good.
func TestFlow_BudgetOfOthers(t *testing.T) {
	var busy sync.WaitGroup
	leaks := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		busy.Go(func() {
			for range 20 {
				m.WithBody(make([]byte, 10<<10))
			}
		})
		return next.Handle(ctx, m)
	})
	f := &eip.Flow{Name: "f", Source: &held{sizes: times(2000, 10)}, Stages: []eip.Stage{leaks}, To: eip.Discard, WindowBytes: 100 << 10}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	busy.Wait()
}

// What is longer than the flow takes is invalid, whatever it says it is.
func TestFlow_MaxBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, invalid := &recorder{}, &recorder{}
		f := &eip.Flow{Name: "f", Source: &held{sizes: []int{9, 10, 11, 10 << 20, 0}}, MaxBody: 10, To: out, DeadLetter: &recorder{}, Invalid: invalid}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(out.msgs) != 3 || len(invalid.msgs) != 2 {
			t.Fatalf("%d messages passed and %d were invalid, want 3 and 2", len(out.msgs), len(invalid.msgs))
		}
		h := invalid.msgs[0].Headers
		if why, _ := h[header.Error].(string); h[header.Reason] != "invalid" || !strings.Contains(why, "11 bytes") || !strings.Contains(why, "max_body is 10") {
			t.Errorf("it says %v", h)
		}
	})
}

// charged is a source of messages of which the first is charged for before the next come.
type charged struct {
	held
	first chan struct{}
}

func (s *charged) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := s.held.Receive(ctx)
	if err == nil && len(m.Body()) == 1 {
		<-s.first
	}
	return m, err
}

// What a message gives back, others may take at once.
func TestFlow_GivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var others atomic.Int64
		src := &charged{held: held{sizes: []int{2, 1, 1, 1}}, first: make(chan struct{})}
		stage := eip.StageFunc(func(_ context.Context, m *eip.Message, _ eip.Handler) error {
			if len(m.Body()) == 1 {
				others.Add(1)
				return nil
			}
			m.Charge(2000)
			close(src.first)
			time.Sleep(time.Second)
			if n := others.Load(); n > 1 { // the one that was being received
				t.Errorf("%d others are let in beyond the budget", n)
			}
			m.Charge(-2000)
			time.Sleep(time.Second)
			if n := others.Load(); n != 3 {
				t.Errorf("%d others are let in", n)
			}
			return nil
		})
		f := &eip.Flow{Name: "f", Source: src, Concurrency: 2, WindowBytes: 2000, Stages: []eip.Stage{stage}, To: eip.Discard}
		if err := f.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
