package routing_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
)

// A part of 100 bytes costs the same in a group of one and of a million: what has the steps
// of many parts committed together is as in a flow.
func BenchmarkAggregator(b *testing.B) {
	for _, size := range []int{1, 1000, 1_000_000} {
		b.Run(fmt.Sprintf("group of %d", size), func(b *testing.B) {
			b.ReportAllocs()
			feed := feeder(b, size)
			feed(min(size, 1_000_000) / 2) // half of it is there
			b.ResetTimer()
			feed(b.N)
		})
	}
}

// feeder gives parts to an aggregator in an embedded store, and waits until they are there.
func feeder(b *testing.B, size int) (feed func(n int)) {
	file, err := embedded.Open(broker.Config{DataDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	a := routing.NewAggregator()
	a.Store, a.Key, a.Bytes = store.In(file.State()), byKey, 1<<40
	a.Size.Set(size + b.N + 1)
	if size <= 1000 {
		a.Size.Set(size)
	}
	a.Body.Of = func(context.Context, *routing.Group) (any, error) { return "all", nil }
	env := eiptest.Env()
	env.Make = func(ctx context.Context, m *eip.Message) error { eip.Deliver(ctx, eip.Discard, m); return nil }
	if err := a.Open(b.Context(), env); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		a.Close(context.Background())
		file.Close()
	})
	body, given := make([]byte, 100), 0
	for i := range body {
		body[i] = '7'
	}
	put := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return a.Process(ctx, m, nil) })
	return func(n int) {
		var under sync.WaitGroup
		window := make(chan struct{}, 1000)
		for range n {
			given++
			id := fmt.Sprint("part-", given)
			window <- struct{}{}
			under.Add(1)
			m := eip.New(body, func(err error) {
				if err != nil {
					b.Error(err)
				}
				<-window
				under.Done()
			}).WithHeader("key", "k").With(func(m *eip.Message) { m.ID = id })
			eip.Deliver(context.Background(), put, m)
		}
		under.Wait()
	}
}
