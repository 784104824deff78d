package eiptest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
)

// A SinkCase is one use of a sink adapter.
type SinkCase struct {
	// New makes the adapter, and written, which returns the bodies of what has
	// arrived, in order. Both are of their own each time. What New starts must end
	// with t's cleanup.
	New func(t *testing.T) (a adapter.SinkOpener, env *adapter.Env, written func() []string)
	// Refusing makes an adapter that nothing can be sent to; nil where there is none
	// such.
	Refusing func(t *testing.T) (adapter.SinkOpener, *adapter.Env)
	// Unordered: there is no order in what arrived.
	Unordered bool
}

// AdapterSink checks that a sink adapter keeps its contract: a message that has
// settled has arrived, in the order of the calls, Close finishes what was given,
// and failures are told.
func AdapterSink(t *testing.T, c SinkCase) {
	t.Helper()
	adapterTest(t, "in order", c.inOrder)
	adapterTest(t, "settled when it has arrived", c.settled)
	adapterTest(t, "closed", c.closed)
	adapterTest(t, "concurrent callers", c.concurrent)
	adapterTest(t, "context ended", c.contextEnded)
	if c.Refusing != nil {
		adapterTest(t, "refused", c.refused)
	}
}

func openSink(ctx context.Context, t *testing.T, a adapter.SinkOpener, env *adapter.Env) adapter.Sink {
	t.Helper()
	validate(t, a)
	if check, ok := a.(adapter.SinkChecker); ok {
		if err := check.CheckSink(); err != nil {
			t.Fatalf("check sink: %v", err)
		}
	}
	opening, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := a.OpenSink(opening, env)
	if err != nil {
		t.Fatalf("open sink: %v", err)
	}
	return s
}

// few is how many messages the tests send: enough for several to be under way.
const few = 40

func numberedBody(i int) string { return fmt.Sprintf(`{"n":%d}`, i) }

func numberedBodies(n int) (all []string) {
	for i := range n {
		all = append(all, numberedBody(i))
	}
	return all
}

// sendAll delivers messages one after the other, and returns where each tells what
// it settled with.
func sendAll(ctx context.Context, s eip.Handler, bodies []string) <-chan error {
	settled := make(chan error, 2*len(bodies))
	for _, b := range bodies {
		eip.Deliver(ctx, s, eip.New([]byte(b), func(err error) { settled <- err }))
	}
	return settled
}

func awaitAll(ctx context.Context, t *testing.T, settled <-chan error, n int) {
	t.Helper()
	for i := range n {
		select {
		case err := <-settled:
			if err != nil {
				t.Errorf("settled with %v", err)
			}
		case <-ctx.Done():
			t.Errorf("%d of %d messages settled", i, n)
			return
		}
	}
	select {
	case <-settled:
		t.Error("a message settled twice")
	default:
	}
}

func (c *SinkCase) compare(t *testing.T, got, want []string) {
	t.Helper()
	if c.Unordered {
		slices.Sort(got)
		want = slices.Sorted(slices.Values(want))
	}
	if !slices.Equal(got, want) {
		t.Errorf("what arrived is %q, want %q", got, want)
	}
}

func (c *SinkCase) inOrder(ctx context.Context, t *testing.T) {
	a, env, written := c.New(t)
	s := openSink(ctx, t, a, env)
	defer closeTwice(t, s)
	want := numberedBodies(few)
	awaitAll(ctx, t, sendAll(ctx, s, want), len(want))
	c.compare(t, written(), want)
}

func (c *SinkCase) settled(ctx context.Context, t *testing.T) {
	a, env, written := c.New(t)
	s := openSink(ctx, t, a, env)
	defer closeTwice(t, s)
	for i := range 5 {
		awaitAll(ctx, t, sendAll(ctx, s, []string{numberedBody(i)}), 1)
		if got := written(); len(got) != i+1 || !slices.Contains(got, numberedBody(i)) {
			t.Errorf("after %d messages had settled, %q had arrived", i+1, got)
		}
	}
}

func (c *SinkCase) closed(ctx context.Context, t *testing.T) {
	a, env, written := c.New(t)
	s := openSink(ctx, t, a, env)
	want := numberedBodies(few)
	settled := sendAll(ctx, s, want)
	closeTwice(t, s)
	if n := len(settled); n != few {
		t.Errorf("%d of %d messages had settled after close", n, few)
	}
	awaitAll(ctx, t, settled, few)
	c.compare(t, written(), want)
}

// concurrent has several callers, each of which sends in order.
func (c *SinkCase) concurrent(ctx context.Context, t *testing.T) {
	a, env, written := c.New(t)
	s := openSink(ctx, t, a, env)
	defer closeTwice(t, s)
	const callers = 4
	var wait sync.WaitGroup
	var want []string
	each := make([][]string, callers)
	for caller := range callers {
		for i := range few / callers {
			each[caller] = append(each[caller], fmt.Sprintf(`{"caller":%d,"n":%d}`, caller, i))
		}
		want = append(want, each[caller]...)
		wait.Go(func() { awaitAll(ctx, t, sendAll(ctx, s, each[caller]), len(each[caller])) })
	}
	wait.Wait()
	got := written()
	for caller := range callers {
		mine := slices.DeleteFunc(slices.Clone(got), func(b string) bool { return !strings.HasPrefix(b, fmt.Sprintf(`{"caller":%d,`, caller)) })
		c.compare(t, mine, each[caller])
	}
	if len(got) != len(want) {
		t.Errorf("%d messages arrived, want %d", len(got), len(want))
	}
}

// contextEnded hands over a message whose context has ended: it may be refused,
// and then has not arrived.
func (c *SinkCase) contextEnded(ctx context.Context, t *testing.T) {
	a, env, written := c.New(t)
	s := openSink(ctx, t, a, env)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	settled := sendAll(ended, s, []string{numberedBody(0)})
	closeTwice(t, s)
	select {
	case err := <-settled:
		if got := written(); err == nil && len(got) != 1 || err != nil && len(got) != 0 {
			t.Errorf("settled with %v, and %q has arrived", err, got)
		}
	default:
		t.Error("not settled after close")
	}
}

func (c *SinkCase) refused(ctx context.Context, t *testing.T) {
	a, env := c.Refusing(t)
	s := openSink(ctx, t, a, env)
	defer closeTwice(t, s)
	select {
	case err := <-sendAll(ctx, s, []string{numberedBody(0)}):
		if err == nil {
			t.Error("settled with nil, though it cannot have arrived")
		}
	case <-ctx.Done():
		t.Error("never settled")
	}
}
