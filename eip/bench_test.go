package eip_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/eipd/eipd/eip"
)

// plenty yields n messages that share a body, and is their Settler, so that what
// is measured is the flow's own work.
type plenty struct {
	body []byte
	left int
}

func (p *plenty) Settle(error) {}

func (p *plenty) Receive(context.Context) (*eip.Message, error) {
	if p.left == 0 {
		return nil, io.EOF
	}
	p.left--
	return eip.NewFor(p.body, p), nil
}

// pass is the cheapest stage that a flow can have.
type pass struct{}

func (pass) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

// confirming holds each message until the number of them that a broker confirms
// at once has come.
type confirming struct {
	held    []func(error)
	atOnce  int
	pending int
}

func (c *confirming) Handle(_ context.Context, m *eip.Message) error {
	c.held = append(c.held, m.Hold())
	if c.pending--; c.pending == 0 || len(c.held) == c.atOnce {
		for _, release := range c.held {
			release(nil)
		}
		c.held = c.held[:0]
	}
	return nil
}

// BenchmarkFlow is what a flow costs for each message, without its source and sink.
func BenchmarkFlow(b *testing.B) {
	run := func(name string, stages, concurrency int, sink func(n int) eip.Handler) {
		b.Run(name, func(b *testing.B) {
			f := &eip.Flow{Name: "f", Source: &plenty{make([]byte, 1024), b.N}, To: sink(b.N), Concurrency: concurrency}
			for i := range stages {
				f.Stages = append(f.Stages, &eip.Named{Address: fmt.Sprintf("f.pass_%d", i+1), Stage: pass{}})
			}
			b.ReportAllocs()
			b.ResetTimer()
			if err := f.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			if s, _ := f.Counts(); s.Sent != int64(b.N) {
				b.Fatalf("%d of %d messages were sent", s.Sent, b.N)
			}
		})
	}
	discard := func(int) eip.Handler { return eip.Discard }
	run("stages=0", 0, 1, discard)
	run("stages=5", 5, 1, discard)
	run("held", 0, 1, func(n int) eip.Handler { return &confirming{atOnce: 64, pending: n} })
	run("lanes=4", 0, 4, discard)
}

// BenchmarkReceipt is what a message's life costs.
func BenchmarkReceipt(b *testing.B) {
	ctx, nobody := context.Background(), &plenty{}
	settled := func(error) {}
	cases := []struct {
		name   string
		handle eip.HandlerFunc
	}{
		{"new", func(context.Context, *eip.Message) error { return nil }},
		{"hold", func(_ context.Context, m *eip.Message) error {
			m.Hold()(nil)
			return nil
		}},
		{"fork", func(ctx context.Context, m *eip.Message) error {
			eip.Deliver(ctx, eip.Discard, m.Fork(settled))
			return nil
		}},
		{"fork held by its origin", func(ctx context.Context, m *eip.Message) error {
			eip.Deliver(ctx, eip.Discard, m.Fork(m.Hold()))
			return nil
		}},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				eip.Deliver(ctx, c.handle, eip.NewFor(nil, nobody))
			}
		})
	}
}
