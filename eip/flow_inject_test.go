package eip_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

// Injected messages pass one at a time beside those of the source, settle as these
// do, and none is lost when the flow ends.
func TestFlow_Inject(t *testing.T) {
	for _, concurrency := range []int{1, 4} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				var inside, most atomic.Int64
				f := &eip.Flow{Name: "f", Concurrency: concurrency, Source: receiveFunc(func(ctx context.Context) (*eip.Message, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}), To: eip.HandlerFunc(func(context.Context, *eip.Message) error {
					if n := inside.Add(1); n > most.Load() {
						most.Store(n)
					}
					inside.Add(-1)
					return nil
				}), OrderBy: func(context.Context, *eip.Message) (string, error) { return "same", nil }}
				if err := f.Inject(eip.New(nil, nil)); !errors.Is(err, eip.ErrNotRunning) {
					t.Errorf("injected into a flow that does not run: %v", err)
				}
				ready := make(chan struct{})
				f.Ready = func() { close(ready) }
				done := make(chan error, 1)
				go func() { done <- f.Run(ctx) }()
				<-ready
				synctest.Wait()
				var settled, refused atomic.Int64
				var all sync.WaitGroup
				for i := range 100 {
					all.Go(func() {
						if i == 50 {
							stop()
						}
						_ = f.Inject(eip.New(nil, func(err error) {
							if err != nil {
								refused.Add(1)
							}
							settled.Add(1)
						}))
					})
				}
				all.Wait()
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if settled.Load() != 100 {
					t.Errorf("%d messages settled, want 100", settled.Load())
				}
				if s, _ := f.Counts(); s.Sent != 100-refused.Load() || s.InFlight != 0 {
					t.Errorf("%+v, and %d were refused", s, refused.Load())
				}
				if most.Load() > 1 {
					t.Errorf("%d messages of one key at once", most.Load())
				}
			})
		})
	}
}

func TestFlow_TracesTestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &numbered{n: 5}
		var mu sync.Mutex
		got := map[string]stats.Outcome{}
		f := &eip.Flow{Name: "f", Source: receiveFunc(func(ctx context.Context) (*eip.Message, error) {
			m, err := src.Receive(ctx)
			if m != nil && string(m.Body()) != "5" {
				m = m.WithHeader(header.Test, "t")
			}
			return m, err
		}), Stages: []eip.Stage{onNumber(doing{1: drop, 2: invalid, 3: failUntil(9)})}, To: eip.Discard, DeadLetter: eip.Discard,
			Traced: func(m *eip.Message, how stats.Outcome, err error) {
				if (how == stats.Invalid || how == stats.DeadLettered) != (err != nil) {
					t.Errorf("%s: %s: %v", m.Body(), how, err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[string(m.Body())] = how
			}}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := map[string]stats.Outcome{"1": stats.Dropped, "2": stats.Invalid, "3": stats.DeadLettered, "4": stats.Sent}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
