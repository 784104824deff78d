package amqp_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eipd/eipd/eip/broker/amqp"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// Whatever sizes come in whatever order, a source has no more of them in memory than
// its budget and a message, nothing is lost or doubled, and the order is kept.
func TestPrefetch_KeepsItsBudget(t *testing.T) {
	const large, small = 1 << 20, 100
	const budget = 4 << 20
	repeat := func(times int, runs ...int) (sizes []int) { // runs: how many, of what size
		for range times {
			for i := 0; i < len(runs); i += 2 {
				sizes = append(sizes, slices.Repeat([]int{runs[i+1]}, runs[i])...)
			}
		}
		return sizes
	}
	n := rabbit.Shared(t)
	for name, c := range map[string]struct {
		sizes []int
		edit  func(*broker.Channel)
	}{
		"large":               {sizes: repeat(1, 40, large)},
		"small":               {sizes: repeat(1, 5000, small)},
		"large after small":   {sizes: repeat(1, 2500, small, 60, large)},
		"small after large":   {sizes: repeat(1, 20, large, 2000, small)},
		"in turns":            {sizes: repeat(4, 15, large, 700, small)},
		"larger than all":     {sizes: repeat(2, 3, 2*budget, 100, small)},
		"quorum":              {sizes: repeat(2, 1200, small, 30, large), edit: argument("x-queue-type", "quorum")},
		"one consumer":        {sizes: repeat(2, 600, small, 20, large), edit: argument("x-single-active-consumer", true)},
		"with its consumer":   {sizes: repeat(2, 1200, small, 30, large), edit: func(c *broker.Channel) { c.AutoDelete = true }},
		"not durable, no end": {sizes: repeat(2, 1200, small, 30, large), edit: func(c *broker.Channel) { c.Durable, c.Exclusive = false, true }},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, config(t, n.URL()))
			t.Cleanup(func() { b.Close() })
			q := queue(t, "in")
			if c.edit != nil {
				c.edit(&q)
			}
			opened, err := b.Source(t.Context(), q, broker.Subscription{PrefetchBytes: budget})
			if err != nil {
				t.Fatal(err)
			}
			to, err := b.Sender(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			var refused atomic.Int64
			for i, size := range c.sizes {
				text := fmt.Sprintf("%d ", i)
				eip.Deliver(t.Context(), to, eip.New([]byte(text+strings.Repeat("x", size)), func(err error) {
					if err != nil {
						refused.Add(1)
					}
				}))
			}
			if err := to.Close(); err != nil || refused.Load() > 0 {
				t.Fatalf("%d messages were refused; close: %v", refused.Load(), err)
			}
			// Nobody receives for now: the library reads what it gets.
			var peak int64
			watch := func() { peak = max(peak, amqp.Held(opened)) }
			until(t, "messages wait", func() bool { watch(); return amqp.Held(opened) > 0 })
			next := 0
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for next < len(c.sizes) {
				m, err := opened.Receive(ctx)
				if err != nil {
					t.Fatal(err)
				}
				var number int
				fmt.Sscan(string(m.Body()[:min(len(m.Body()), 20)]), &number)
				if number != next {
					t.Fatalf("received %d, want %d", number, next)
				}
				next++
				watch()
				eip.Deliver(ctx, eip.Discard, m)
			}
			if most := int64(budget + slices.Max(c.sizes) + 2048); peak > most {
				t.Errorf("it had %d bytes, more than %d", peak, most)
			}
			if err := opened.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func argument(name string, value any) func(*broker.Channel) {
	return func(c *broker.Channel) { c.Arguments = map[string]any{name: value} }
}

// A flow that settles nothing until it has many small messages gets them, also where
// large ones came before.
func TestPrefetch_GrowsForWhoHolds(t *testing.T) {
	b := open(t, config(t, rabbit.Shared(t).URL()))
	t.Cleanup(func() { b.Close() })
	q := queue(t, "in")
	to, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	const large, small = 20, 300
	for i := range large + small {
		body := make([]byte, 10)
		if i < large {
			body = make([]byte, 1<<20)
		}
		eip.Deliver(t.Context(), to, eip.New(body, nil))
	}
	src, err := b.Source(t.Context(), q, broker.Subscription{PrefetchBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var all []*eip.Message
	for i := range large + small {
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i < large {
			eip.Deliver(t.Context(), eip.Discard, m)
			continue
		}
		all = append(all, m)
	}
	for _, m := range all {
		eip.Deliver(t.Context(), eip.Discard, m)
	}
	for _, c := range []interface{ Close() error }{to, src} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
