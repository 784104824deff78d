package eip_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
)

var blocked = eip.HandlerFunc(func(ctx context.Context, _ *eip.Message) error {
	<-ctx.Done()
	return ctx.Err()
})

// The grace begins when the flow is told to stop, also where its lanes are taken
// up by what goes nowhere.
func TestFlow_GraceEndsWhatBlocks(t *testing.T) {
	byNothing := func(context.Context, *eip.Message) (string, error) { return "", nil }
	failing := eip.HandlerFunc(func(context.Context, *eip.Message) error { return errors.New("away") })
	for name, f := range map[string]*eip.Flow{
		"one lane":       {To: blocked},
		"lanes":          {To: blocked, Concurrency: 2},
		"lanes by key":   {To: blocked, Concurrency: 2, OrderBy: byNothing},
		"ordered":        {To: blocked, Retry: eip.Retry{Ordered: true}},
		"held back":      {To: failing, Retry: eip.Retry{Ordered: true, Attempts: 1000}},
		"dead letters":   {To: failing, DeadLetter: blocked, Retry: eip.Retry{Attempts: 1}},
		"waiting retry":  {To: failing, Retry: eip.Retry{Attempts: 1000, Delay: time.Hour, MaxDelay: time.Hour}},
		"refused letter": {To: failing, DeadLetter: failing, Retry: eip.Retry{Attempts: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				var taken, settled atomic.Int64
				f.Name, f.Grace, f.Window = "f", 5*time.Second, 10
				f.Source = source(func(ctx context.Context) (*eip.Message, error) {
					if ctx.Err() != nil {
						return nil, ctx.Err()
					}
					taken.Add(1)
					return eip.New(nil, func(error) { settled.Add(1) }), nil
				})
				time.AfterFunc(time.Second, stop)
				start := time.Now()
				err := f.Run(ctx)
				if err == nil {
					t.Error("no error says that messages were left")
				}
				if d := time.Since(start); d < 6*time.Second || d > 8*time.Second {
					t.Errorf("the flow took %v", d)
				}
				synctest.Wait()
				if settled.Load() != taken.Load() {
					t.Errorf("%d of %d messages settled", settled.Load(), taken.Load())
				}
			})
		})
	}
}

// What ignores its context does not keep the flow from stopping.
func TestFlow_StopsBesideAStuckHandler(t *testing.T) {
	for name, f := range map[string]*eip.Flow{
		"one lane": {}, "lanes": {Concurrency: 2}, "ordered": {Retry: eip.Retry{Ordered: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				release := make(chan struct{})
				f.Name, f.Grace, f.Window = "f", 5*time.Second, 10
				f.To = eip.HandlerFunc(func(context.Context, *eip.Message) error { <-release; return nil })
				f.Source = source(func(context.Context) (*eip.Message, error) { return eip.New(nil, nil), nil })
				time.AfterFunc(time.Second, stop)
				start := time.Now()
				done := make(chan error)
				go func() { done <- f.Run(ctx) }()
				select {
				case err := <-done:
					if err == nil {
						t.Error("no error says that messages were left")
					}
				case <-time.After(time.Minute):
					t.Errorf("it still runs after %v", time.Since(start))
				}
				close(release)
				select {
				case <-done:
				case <-time.After(time.Second):
				}
			})
		})
	}
}

type source func(ctx context.Context) (*eip.Message, error)

func (s source) Receive(ctx context.Context) (*eip.Message, error) { return s(ctx) }

// When one of several sources fails, the others are let go of.
func TestMergeSources_EndsWithItsFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []error
		held := make(chan struct{})
		one := source(func(ctx context.Context) (*eip.Message, error) {
			<-held
			return nil, errors.New("broken")
		})
		settle := func(err error) { got = append(got, err) }
		n := 0
		other := source(func(ctx context.Context) (*eip.Message, error) {
			if n++; n > 3 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			if n == 2 {
				close(held)
			}
			return eip.New(nil, settle), nil
		})
		f := &eip.Flow{Name: "f", Source: eip.MergeSources(one, other), To: eip.Discard}
		if err := f.Run(context.Background()); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("Run returned %v", err)
		}
		synctest.Wait() // synctest itself fails where a reader is left
	})
}

func TestFlow_DeadLettersDoNotExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &recorder{}
		one := true
		f := &eip.Flow{Name: "f", To: eip.HandlerFunc(func(context.Context, *eip.Message) error { return eip.Permanent(errors.New("no")) }), DeadLetter: dead,
			Source: source(func(context.Context) (*eip.Message, error) {
				if !one {
					return nil, io.EOF
				}
				one = false
				return eip.New(nil, nil).With(func(m *eip.Message) { m.Expiration = time.Second }), nil
			})}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(dead.msgs) != 1 || dead.msgs[0].Expiration != 0 {
			t.Errorf("the dead letter expires after %v", dead.msgs[0].Expiration)
		}
	})
}

// A source that has ended has nothing under way: the end is asked for when what
// came before it was taken.
func TestMergeSources_AsksForTheNextWhenTheLastWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &numbered{n: 1}
		never := source(func(ctx context.Context) (*eip.Message, error) { <-ctx.Done(); return nil, ctx.Err() })
		var asked atomic.Int64
		counted := source(func(ctx context.Context) (*eip.Message, error) { asked.Add(1); return src.Receive(ctx) })
		merged := eip.MergeSources(counted, never)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		if _, err := merged.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("the source was asked %d times", n)
		}
		go merged.Receive(ctx)
		synctest.Wait()
		if n := asked.Load(); n != 2 {
			t.Errorf("the source was asked %d times", n)
		}
	})
}
