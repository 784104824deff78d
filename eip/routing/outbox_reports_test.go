package routing_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	brokermemory "github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// unsent is what a stage has written down and not sent.
func unsent(t *testing.T, s store.Store, of string) (n int) {
	t.Helper()
	space, err := s.Space(of)
	if err != nil {
		t.Fatal(err)
	}
	_ = space.View(func(r store.Reader) error {
		for range r.Range("\x00o", "") {
			n++
		}
		return nil
	})
	return n
}

// Random keys with full = "oldest" close a group for each part. Where what follows stands
// still, parts wait in their source; once it goes on, each comes once.
func TestAggregator_SlowSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, groups = 6000, 100
		s, open := memory.New(), make(chan struct{})
		a := aggregatorIn(t, s, func(a *routing.Aggregator) {
			a.MaxGroups.Set(groups)
			a.Full, a.Remember = "oldest", 0
		})
		var given, came atomic.Int64
		f := &eip.Flow{Name: "f", Stages: []eip.Stage{&eip.Named{Address: "f.gather", Stage: a}}, Source: generate(func() *eip.Message {
			i := strconv.Itoa(int(given.Add(1)))
			return parts(i, i)[0]
		}, n), To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			release := m.Hold()
			go func() { <-open; came.Add(1); release(nil) }()
			return nil
		})}
		done := make(chan error)
		go func() { done <- f.Run(t.Context()) }()
		time.Sleep(time.Minute)
		if left := unsent(t, s, "f.gather"); given.Load() == n || left > 3500 {
			t.Errorf("%d parts were taken, and %d messages are kept", given.Load(), left)
		}
		if waiting := a.Stats().Counts["waiting"]; waiting == 0 {
			t.Error("no part is said to wait")
		}
		close(open)
		if err := <-done; err != nil || came.Load() != n {
			t.Errorf("%d of %d came, %v", came.Load(), n, err)
		}
	})
}

// generate is a source of n messages.
func generate(make func() *eip.Message, n int) eip.Source { return &generated{make, n} }

type generated struct {
	make func() *eip.Message
	left int
}

func (g *generated) Receive(ctx context.Context) (*eip.Message, error) {
	if g.left--; g.left < 0 {
		return (&list{}).Receive(ctx)
	}
	return g.make(), nil
}

// Flows that feed each other by queues get on, however much is under way in their circle
// (INT-4549).
func TestDelay_CircleOfQueues(t *testing.T) {
	synctest.Test(t, circle)
}

func circle(t *testing.T) {
	const n, rounds = 5000, 4
	b, err := brokermemory.Open(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	queue := func(i int) broker.Channel { return broker.Channel{Address: fmt.Sprint("q", i), Declare: true} }
	s := memory.New()
	var ends atomic.Int64
	all := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for i := range 2 {
		d := routing.NewDelay()
		d.Store, d.For = store.In(s), adapter.Program{Source: "1ms"}
		if err := d.Validate(); err != nil {
			t.Fatal(err)
		}
		from, err := b.Source(ctx, queue(i), broker.Subscription{})
		if err != nil {
			t.Fatal(err)
		}
		to, err := b.Sender(ctx, queue(1-i))
		if err != nil {
			t.Fatal(err)
		}
		f := &eip.Flow{Name: fmt.Sprint("f", i), Source: from, Stages: []eip.Stage{&eip.Named{Address: fmt.Sprint("f", i, ".delay"), Stage: d}},
			To: eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
				hops, _ := m.Headers["hops"].(int64)
				if hops == 2*rounds {
					if ends.Add(1) == n {
						close(all)
					}
					return nil
				}
				return to.Handle(ctx, m.WithHeader("hops", hops+1))
			})}
		go func() { done <- f.Run(ctx) }()
	}
	defer func() {
		stop()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}()
	in, err := b.Sender(ctx, queue(0))
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		eip.Deliver(ctx, in, eip.New([]byte("x"), nil))
	}
	select {
	case <-all:
	case <-time.After(time.Minute): // by when nothing moves
		t.Errorf("%d of %d came out of the circle", ends.Load(), n)
	}
}
