package eip_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// numbered yields n messages with their number as body, and keeps what each
// settled with.
type numbered struct {
	mu      sync.Mutex
	n, next int
	settled map[string][]error
}

func (s *numbered) Receive(ctx context.Context) (*eip.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == s.n {
		return nil, io.EOF
	}
	s.next++
	body := fmt.Sprint(s.next)
	return eip.New([]byte(body), func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.settled == nil {
			s.settled = map[string][]error{}
		}
		s.settled[body] = append(s.settled[body], err)
	}), nil
}

func (s *numbered) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.settled) != s.n {
		t.Errorf("%d of %d messages settled", len(s.settled), s.n)
	}
	for body, errs := range s.settled {
		if len(errs) != 1 || errs[0] != nil {
			t.Errorf("message %s settled with %v, want nil once", body, errs)
		}
	}
}

type recorder struct {
	mu     sync.Mutex
	bodies []string
	msgs   []*eip.Message
}

func (r *recorder) Handle(_ context.Context, m *eip.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies = append(r.bodies, string(m.Body()))
	r.msgs = append(r.msgs, m)
	return nil
}

func TestFlow_InOrderAndSettledOnce(t *testing.T) {
	for _, concurrency := range []int{1, 4} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, out := &numbered{n: 500}, &recorder{}
				f := &eip.Flow{Name: "f", Source: src, To: out, Concurrency: concurrency,
					OrderBy: func(_ context.Context, m *eip.Message) (string, error) { return string(m.Body()[:1]), nil }}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				src.check(t)
				last := map[byte]int{}
				for _, b := range out.bodies {
					var n int
					fmt.Sscan(b, &n)
					if n < last[b[0]] {
						t.Errorf("%d came after %d", n, last[b[0]])
					}
					last[b[0]] = n
				}
				if len(out.bodies) != 500 {
					t.Errorf("%d messages came out", len(out.bodies))
				}
			})
		})
	}
}

// A sink that confirms late does not stop the flow before its window is full.
func TestFlow_WindowBoundsWhatIsUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most, now int
		var mu sync.Mutex
		sink := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			release := m.Hold()
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.AfterFunc(time.Second, func() {
				mu.Lock()
				now--
				mu.Unlock()
				release(nil)
			})
			return nil
		})
		src := &numbered{n: 100}
		start := time.Now()
		f := &eip.Flow{Name: "f", Source: src, To: sink, Window: 10}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		src.check(t)
		if most != 10 {
			t.Errorf("%d messages were unsettled at once, want 10", most)
		}
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("took %v, want 10s", d)
		}
	})
}

func TestFlow_RetriesThenDeadLetters(t *testing.T) {
	tests := map[string]struct {
		err                      error
		attempts, dead, inv, nth int
	}{
		"passing":            {errors.New("busy"), 3, 0, 0, 3},
		"for good":           {errors.New("busy"), 3, 1, 0, 99},
		"permanent":          {eip.Permanent(errors.New("no such thing")), 1, 1, 0, 99},
		"invalid":            {fmt.Errorf("wrapped: %w", eip.Invalid(errors.New("no JSON"))), 1, 0, 1, 99},
		"panic":              {nil, 3, 1, 0, 99},
		"dead letter is out": {errors.New("busy"), 3, 1, 0, 99},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tries, deadTries int
				work := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
					if tries++; tries < tt.nth {
						if tt.err == nil {
							panic("boom")
						}
						return tt.err
					}
					return next.Handle(ctx, m)
				})
				src, out, dead, inv := &numbered{n: 1}, &recorder{}, &recorder{}, &recorder{}
				deadLetter := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
					if deadTries++; deadTries < 3 && name == "dead letter is out" {
						return errors.New("down")
					}
					return dead.Handle(ctx, m)
				})
				f := &eip.Flow{Name: "f", Source: src, Stages: []eip.Stage{&eip.Named{Address: "f.work", Stage: work}},
					To: out, DeadLetter: deadLetter, Invalid: inv}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				src.check(t)
				if tries != tt.attempts || len(dead.msgs) != tt.dead || len(inv.msgs) != tt.inv {
					t.Errorf("tries %d, dead %d, invalid %d", tries, len(dead.msgs), len(inv.msgs))
				}
				if len(dead.msgs) == 1 {
					h := dead.msgs[0].Headers
					if h[header.Stage] != "f.work" || h[header.Attempts] != tt.attempts || h[header.Reason] != "failed" {
						t.Errorf("dead letter says %v", h)
					}
				}
			})
		})
	}
}

func TestFlow_OrderedRetryHoldsBackWhatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, out, failed := &numbered{n: 5}, &recorder{}, false
		f := &eip.Flow{Name: "f", Source: src, Retry: eip.Retry{Ordered: true},
			To: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				if string(m.Body()) == "2" && !failed {
					failed = true
					return errors.New("busy")
				}
				return out.Handle(ctx, m)
			})}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"1", "2", "3", "4", "5"}; !slices.Equal(out.bodies, want) {
			t.Errorf("came out as %v", out.bodies)
		}
	})
}

// endless never ends by itself.
type endless struct{ numbered }

func (s *endless) Receive(ctx context.Context) (*eip.Message, error) {
	if m, err := s.numbered.Receive(ctx); err == nil {
		return m, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestFlow_StopFinishesWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &endless{numbered{n: 5}}
		f := &eip.Flow{Name: "f", Source: src, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			time.AfterFunc(3*time.Second, func(r func(error)) func() { return func() { r(nil) } }(m.Hold()))
			return nil
		})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Run(ctx); err != nil {
			t.Fatal(err)
		}
		src.check(t)
	})
}

func TestFlow_StopGivesBackWhatDoesNotFinishInGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &endless{numbered{n: 5}}
		f := &eip.Flow{Name: "f", Source: src, Grace: time.Second, To: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			release := m.Hold()
			context.AfterFunc(ctx, func() { release(ctx.Err()) })
			return nil
		})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Run(ctx); err == nil {
			t.Error("Run did not say that messages were left")
		}
		synctest.Wait()
		if s, _ := f.Counts(); s.Returned != 5 || s.InFlight != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestAggregatedMessagesSettleTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held []func(error)
		agg := eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			held = append(held, m.Hold())
			if len(held) < 3 {
				return nil
			}
			parts := held
			held = nil
			group := eip.New([]byte("group"), func(err error) {
				for _, release := range parts {
					release(err)
				}
			})
			eip.Deliver(ctx, next, group)
			return nil
		})
		src, out := &numbered{n: 9}, &recorder{}
		f := &eip.Flow{Name: "f", Source: src, Stages: []eip.Stage{agg}, To: out}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		src.check(t)
		if len(out.bodies) != 3 {
			t.Errorf("%d groups", len(out.bodies))
		}
	})
}

func TestMergeSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, out := &numbered{n: 50}, &numbered{n: 50}, &recorder{}
		f := &eip.Flow{Name: "f", Source: eip.MergeSources(a, b), To: out}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.check(t)
		b.check(t)
		if len(out.bodies) != 100 {
			t.Errorf("%d came out", len(out.bodies))
		}
	})
}
