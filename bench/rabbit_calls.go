package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"text/tabwriter"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A way to call the service: over a proxy, or straight.
type way struct{ name, peer, queue string }

var ways = []way{{"straight", "", "service"}, {"eipd smart_proxy", "eipd", "requests"}, {"hand proxy", "hand", "requests"}}

// A called is what one run of calls took.
type called struct {
	rate     float64 // calls a second
	p50, p99 time.Duration
	cpu      time.Duration // of the proxy, for each call
	memory   int64
}

// compareCalls measures round trips to a service, with one caller and with many.
func (b *bench) compareCalls(w io.Writer, o options) error {
	for _, queue := range []string{"requests", "service", "proxy.replies"} {
		if _, err := b.ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare queue %s: %w", queue, err)
		}
	}
	service := b.process("hand", "service")
	ctx, err := service.launch(context.Background())
	if err != nil {
		return err
	}
	for _, callers := range []int{1, 64} {
		if err = b.compareWays(ctx, w, callers, o); err != nil {
			break
		}
	}
	_, ended := service.end()
	return errors.Join(err, ended)
}

func (b *bench) compareWays(ctx context.Context, w io.Writer, callers int, o options) error {
	all, foreign, err := inTurn(o.rounds, ways, func(w way) string { return w.name }, b.machineTimes, func(w way) (called, error) { return b.call(ctx, w, callers, o.each) })
	if err != nil {
		return fmt.Errorf("call %w", err)
	}
	fmt.Fprintf(w, "\nRound trips to a service of 1024 bytes each way, %d at once.\n", callers)
	fmt.Fprintf(w, "Medians of %d rounds in turn; in brackets least and most. × is the median of the rounds' own ratios to the hand proxy.\n", o.rounds)
	fmt.Fprint(w, foreign)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "way\tcalls/s\tp50 ms\t× p50\tp99 ms\tproxy CPU µs\tpeak MiB")
	for _, way := range ways {
		runs := all[way.name]
		p50 := func(c called) float64 { return float64(c.p50) / 1e6 }
		p99 := func(c called) float64 { return float64(c.p99) / 1e6 }
		cpu, memory := "–", "–"
		if way.peer != "" {
			cpu = fmt.Sprintf("%.0f", median(column(runs, func(c called) float64 { return float64(c.cpu) / 1e3 })))
			memory = fmt.Sprintf("%.0f", median(column(runs, func(c called) float64 { return mib(c.memory) })))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%.2f\t%s\t%s\t%s\n", way.name, spread(column(runs, func(c called) float64 { return c.rate }), "%.0f"),
			spread(column(runs, p50), "%.2f"), ratio(runs, all["hand proxy"], p50), spread(column(runs, p99), "%.2f"), cpu, memory)
	}
	return table.Flush()
}

// call lets callers call in a loop for some time.
func (b *bench) call(ctx context.Context, w way, callers int, lasting time.Duration) (c called, err error) {
	var p *contestantProcess
	if w.peer != "" {
		p = b.process(w.peer, "proxy")
		if ctx, err = p.launch(ctx); err != nil {
			return c, err
		}
	}
	var busy time.Duration
	begin := time.Now()
	trips, err := b.trips(ctx, w.queue, callers, func() func() bool {
		if p != nil {
			busy = processTime(p.Process.Pid)
		}
		begin = time.Now()
		return func() bool { return time.Since(begin) < lasting }
	})
	took := time.Since(begin)
	if p != nil {
		busy = processTime(p.Process.Pid) - busy
		used, ended := p.end()
		err = errors.Join(err, ended)
		c.memory = used.memory
	}
	if err != nil {
		return c, err
	}
	slices.Sort(trips)
	n := len(trips)
	c.rate, c.p50, c.p99, c.cpu = float64(n)/took.Seconds(), trips[n/2], trips[n*99/100], busy/time.Duration(n)
	return c, nil
}

// trips returns how long each call took. After the first of each caller, which may
// wait for the proxy to start and is not counted, begin says how long to go on.
func (b *bench) trips(ctx context.Context, queue string, callers int, begin func() (more func() bool)) (trips []time.Duration, err error) {
	r, err := newRequestor(b.node, callers, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.conn.Close()) }()
	return loops(ctx, callers, func(ctx context.Context, caller, n int) error { return r.call(ctx, queue, caller, n) }, begin)
}

// loops has callers call in loops.
func loops(ctx context.Context, callers int, call func(ctx context.Context, caller, n int) error, begin func() (more func() bool)) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("it takes too long"))
	defer cancel()
	all := func(calls func(caller int) error) error {
		failed := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() { failed[i] = calls(i) })
		}
		wg.Wait()
		return errors.Join(failed...)
	}
	if err := all(func(i int) error { return call(ctx, i, 0) }); err != nil {
		return nil, err
	}
	each := make([][]time.Duration, callers)
	more := begin()
	err := all(func(i int) error {
		for n := 1; n == 1 || more(); n++ {
			sent := time.Now()
			if err := call(ctx, i, n); err != nil {
				return err
			}
			each[i] = append(each[i], time.Since(sent))
		}
		return nil
	})
	return slices.Concat(each...), err
}

// A requestor calls from many goroutines, with one queue for replies, or none.
type requestor struct {
	conn       *amqp.Connection
	ch         *amqp.Channel
	address    string
	mandatory  bool
	deliveries <-chan amqp.Delivery
	replies    []chan amqp.Delivery // of each caller
}

func newRequestor(n *node, callers int, direct bool) (*requestor, error) {
	conn, err := n.connect()
	if err != nil {
		return nil, err
	}
	r := &requestor{conn: conn, address: "amq.rabbitmq.reply-to", mandatory: direct}
	for range callers {
		r.replies = append(r.replies, make(chan amqp.Delivery, 1))
	}
	if r.ch, err = conn.Channel(); err != nil {
		return nil, errors.Join(fmt.Errorf("open a channel: %w", err), conn.Close())
	}
	if !direct {
		var q amqp.Queue
		q, err = r.ch.QueueDeclare("", false, true, true, false, nil)
		r.address = q.Name
	}
	if err == nil {
		r.deliveries, err = r.ch.Consume(r.address, "", true, !direct, false, false, nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask for replies: %w", err), conn.Close())
	}
	go r.dispatch()
	return r, nil
}

// dispatch gives each reply to its caller. A correlation id is a caller's number
// and a call's.
func (r *requestor) dispatch() {
	for d := range r.deliveries {
		var caller, call int
		if _, err := fmt.Sscanf(d.CorrelationId, "%d.%d", &caller, &call); err == nil && caller < len(r.replies) {
			select {
			case r.replies[caller] <- d:
			default: // it waits for none: this one came twice
			}
		}
	}
}

func (r *requestor) call(ctx context.Context, queue string, caller, n int) error {
	id := strconv.Itoa(caller) + "." + strconv.Itoa(n)
	body := corpus().bodies[n%distinct]
	err := r.ch.Publish("", queue, r.mandatory, false, amqp.Publishing{ContentType: "application/json", ReplyTo: r.address, CorrelationId: id, Body: body})
	if err != nil {
		return fmt.Errorf("publish a request: %w", err)
	}
	select {
	case d := <-r.replies[caller]:
		if d.CorrelationId != id || string(d.Body) != string(body) {
			return fmt.Errorf("the reply to %s has %s, and %d bytes", id, d.CorrelationId, len(d.Body))
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("request %s: %w", id, context.Cause(ctx))
	}
}
