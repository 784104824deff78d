package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	_ "github.com/eipd/eipd/eip/broker/amqp"
	"github.com/eipd/eipd/eip/endpoint"
)

// A caller is one way to write a client in Go.
type caller struct {
	name string
	// open returns how it calls the service, and how it ends.
	open func(n *node, callers int) (call func(ctx context.Context, caller, n int) error, end func() error, err error)
}

var clients = []caller{
	{"by hand, direct reply-to", func(n *node, callers int) (func(context.Context, int, int) error, func() error, error) {
		r, err := newRequestor(n, callers, true)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context, caller, n int) error { return r.call(ctx, "service", caller, n) }, r.conn.Close, nil
	}},
	{"endpoint.Peer", func(n *node, _ int) (func(context.Context, int, int) error, func() error, error) {
		p, err := endpoint.Dial(context.Background(), n.URL(), func(c *broker.Config) { c.Log = slog.New(slog.DiscardHandler) })
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context, _, n int) error {
			body := corpus().bodies[n%distinct]
			m := eip.New(body, nil).With(func(m *eip.Message) { m.ContentType = "application/json" })
			reply, err := p.Call(ctx, "service", m)
			if err == nil && !bytes.Equal(reply.Body(), body) {
				err = errors.New("the reply is another one")
			}
			return err
		}, p.Close, nil
	}},
}

// overCalls measures clients of a service.
func overCalls(w io.Writer, o options) error {
	return onRabbit(w, func(b *bench, _ any) error {
		if _, err := b.ch.QueueDeclare("service", true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare the service's queue: %w", err)
		}
		service := process(filepath.Join(b.dir, "hand"), "service", b.node.URL())
		ctx, err := service.launch(context.Background())
		if err != nil {
			return err
		}
		for _, callers := range []int{1, 64} {
			if err = b.compareClients(ctx, w, callers, o); err != nil {
				break
			}
		}
		_, ended := service.end()
		return errors.Join(err, ended)
	})
}

func (b *bench) compareClients(ctx context.Context, w io.Writer, callers int, o options) error {
	all, foreign, err := inTurn(o.rounds, clients, func(c caller) string { return c.name }, b.machineTimes, func(c caller) (called, error) { return b.measure(ctx, c, callers, o.each) })
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\nCalls of a service of 1024 bytes each way, %d at once, by a client of one process.\n", callers)
	fmt.Fprintf(w, "Medians of %d rounds in turn; in brackets least and most. × is the median of the rounds' own ratios to the one by hand.\n", o.rounds)
	fmt.Fprint(w, foreign)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "client\tcalls/s\t× rate\tp50 ms\tp99 ms\tclient CPU µs")
	for _, c := range clients {
		runs := all[c.name]
		rate := func(c called) float64 { return c.rate }
		fmt.Fprintf(table, "%s\t%s\t%.2f\t%s\t%s\t%.0f\n", c.name, spread(column(runs, rate), "%.0f"), ratio(runs, all[clients[0].name], rate),
			spread(column(runs, func(c called) float64 { return float64(c.p50) / 1e6 }), "%.2f"),
			spread(column(runs, func(c called) float64 { return float64(c.p99) / 1e6 }), "%.2f"),
			median(column(runs, func(c called) float64 { return float64(c.cpu) / 1e3 })))
	}
	return table.Flush()
}

func (b *bench) measure(ctx context.Context, with caller, callers int, lasting time.Duration) (c called, err error) {
	call, end, err := with.open(b.node, callers)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, end()) }()
	begin, busy := time.Now(), cpuTime()
	trips, err := loops(ctx, callers, call, func() func() bool {
		begin, busy = time.Now(), cpuTime()
		return func() bool { return time.Since(begin) < lasting }
	})
	if err != nil {
		return c, err
	}
	took, n := time.Since(begin), len(trips)
	slices.Sort(trips)
	c.rate, c.p50, c.p99, c.cpu = float64(n)/took.Seconds(), trips[n/2], trips[n*99/100], (cpuTime()-busy)/time.Duration(n)
	return c, nil
}
