package eiptest

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
)

// A SourceCase is one use of a source adapter.
type SourceCase struct {
	// New makes the adapter, and what it reads: the same each time, and of its own.
	// The suite opens it again with the same env where Keeps is set. What New starts
	// must end with t's cleanup.
	New func(t *testing.T) (adapter.SourceOpener, *adapter.Env)
	// Bodies are those of all messages, in order.
	Bodies []string
	// Endless: it waits for more after Bodies, where others end.
	Endless bool
	// Forgets: what settles with an error is not delivered again.
	Forgets bool
	// Keeps: it keeps its position, and goes on there when it is opened again.
	Keeps bool
}

// errRefused is what messages settle with that the suite fails.
var errRefused = errors.New("refused")

// AdapterSource checks that a source adapter keeps its contract: messages come in
// order and say who they are and where they come from, the end is said again and
// again, Receive ends with its context and with Close, nothing is lost or doubled
// by that, what fails comes again, and a position moves on when all before it is
// settled.
func AdapterSource(t *testing.T, c SourceCase) {
	t.Helper()
	adapterTest(t, "in order", c.inOrder)
	adapterTest(t, "context ended", c.contextEnded)
	adapterTest(t, "closed", c.closed)
	adapterTest(t, "through a flow", c.throughFlow)
	if !c.Forgets {
		adapterTest(t, "failed and delivered again", c.deliversAgain)
	}
	if c.Keeps {
		adapterTest(t, "goes on where settlement stood", c.goesOn)
	}
}

func (c *SourceCase) open(ctx context.Context, t *testing.T) adapter.Source {
	t.Helper()
	a, env := c.New(t)
	return openSource(ctx, t, a, env)
}

func openSource(ctx context.Context, t *testing.T, a adapter.SourceOpener, env *adapter.Env) adapter.Source {
	t.Helper()
	validate(t, a)
	if check, ok := a.(adapter.SourceChecker); ok {
		if err := check.CheckSource(); err != nil {
			t.Fatalf("check source: %v", err)
		}
	}
	// What a source starts must outlive the context it is opened with.
	opening, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := a.OpenSource(opening, env)
	if err != nil {
		t.Fatalf("open source: %v", err)
	}
	return s
}

// receive takes n messages without settling them.
func receive(ctx context.Context, t *testing.T, s eip.Source, n int) []*eip.Message {
	t.Helper()
	var got []*eip.Message
	for len(got) < n {
		m, err := s.Receive(ctx)
		if err != nil {
			t.Fatalf("receive message %d of %d: %v", len(got)+1, n, err)
		}
		got = append(got, m)
	}
	return got
}

// settle settles messages that receive took.
func settle(ctx context.Context, err error, messages ...*eip.Message) {
	for _, m := range messages {
		m.Settle(err)
	}
}

func bodies(messages []*eip.Message) (all []string) {
	for _, m := range messages {
		all = append(all, string(m.Body()))
	}
	return all
}

func (c *SourceCase) inOrder(ctx context.Context, t *testing.T) {
	s := c.open(ctx, t)
	defer closeTwice(t, s)
	got := receive(ctx, t, s, len(c.Bodies))
	if !slices.Equal(bodies(got), c.Bodies) {
		t.Errorf("got %q, want %q", bodies(got), c.Bodies)
	}
	ids := map[string]bool{}
	for i, m := range got {
		if m.ID == "" || ids[m.ID] {
			t.Errorf("message %d has the ID %q, which is empty or not its own", i+1, m.ID)
		}
		ids[m.ID] = true
		if m.Channel != "adapter.in" || m.Redelivered {
			t.Errorf("message %d is from %q, redelivered %v", i+1, m.Channel, m.Redelivered)
		}
	}
	settle(ctx, nil, got...)
	c.nothingMore(ctx, t, s)
}

// nothingMore checks that the source has ended, or waits.
func (c *SourceCase) nothingMore(ctx context.Context, t *testing.T, s eip.Source) {
	t.Helper()
	if !c.Endless {
		for range 2 {
			if m, err := s.Receive(ctx); !errors.Is(err, io.EOF) {
				t.Errorf("after the last message: %v, %v, want EOF", m, err)
			}
		}
		return
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if m, err := s.Receive(short); m != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the last message: %v, %v, want the context's error", m, err)
	}
}

// contextEnded receives with contexts that have ended, before and between
// messages.
func (c *SourceCase) contextEnded(ctx context.Context, t *testing.T) {
	s := c.open(ctx, t)
	defer closeTwice(t, s)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	var got []*eip.Message
	for range c.Bodies {
		if m, err := s.Receive(ended); m != nil || !errors.Is(err, context.Canceled) {
			t.Fatalf("with a context that has ended: %v, %v", m, err)
		}
		got = append(got, receive(ctx, t, s, 1)...)
	}
	if !slices.Equal(bodies(got), c.Bodies) {
		t.Errorf("got %q, want %q", bodies(got), c.Bodies)
	}
	settle(ctx, nil, got...)
	if c.Endless {
		c.nothingMore(ctx, t, s)
	}
}

// closed closes the source while Receive waits, and uses it on.
func (c *SourceCase) closed(ctx context.Context, t *testing.T) {
	s := c.open(ctx, t)
	settle(ctx, nil, receive(ctx, t, s, len(c.Bodies))...)
	waited := make(chan error, 1)
	go func() {
		_, err := s.Receive(ctx)
		waited <- err
	}()
	if c.Endless {
		select {
		case err := <-waited:
			t.Errorf("receive did not wait: %v", err)
			waited <- err
		case <-time.After(10 * time.Millisecond):
		}
	}
	closeTwice(t, s)
	if err := <-waited; err == nil || ctx.Err() != nil {
		t.Errorf("receive while the source was closed: %v", err)
	}
	if m, err := s.Receive(ctx); m != nil || err == nil {
		t.Errorf("receive after close: %v, %v", m, err)
	}
}

func (c *SourceCase) throughFlow(ctx context.Context, t *testing.T) {
	s := c.open(ctx, t)
	defer closeTwice(t, s)
	running, stop := context.WithCancel(ctx)
	defer stop()
	var out Recorder
	out.Err = func(*eip.Message) error {
		if c.Endless && len(out.Messages()) == len(c.Bodies) {
			stop()
		}
		return nil
	}
	f := &eip.Flow{Name: "test", Source: s, To: &out, Window: 3}
	if err := f.Run(running); err != nil {
		t.Errorf("run: %v", err)
	}
	if got := out.Bodies(); !slices.Equal(got, c.Bodies) {
		t.Errorf("got %q, want %q", got, c.Bodies)
	}
}

// deliversAgain fails the first message, twice.
func (c *SourceCase) deliversAgain(ctx context.Context, t *testing.T) {
	s := c.open(ctx, t)
	defer closeTwice(t, s)
	first := receive(ctx, t, s, 1)[0]
	settle(ctx, errRefused, first)
	var rest []*eip.Message
	for failures := 1; len(rest) < len(c.Bodies)-1 || failures < 3; {
		m := receive(ctx, t, s, 1)[0]
		if !m.Redelivered {
			rest = append(rest, m)
			settle(ctx, nil, m)
			continue
		}
		if m.ID != first.ID || string(m.Body()) != c.Bodies[0] {
			t.Errorf("delivered again: %s %q, want %s %q", m.ID, m.Body(), first.ID, c.Bodies[0])
		}
		if failures++; failures == 3 {
			settle(ctx, nil, m)
			continue
		}
		settle(ctx, errRefused, m)
	}
	if !slices.Equal(bodies(rest), c.Bodies[1:]) {
		t.Errorf("got %q besides, want %q", bodies(rest), c.Bodies[1:])
	}
	c.nothingMore(ctx, t, s)
}

// goesOn settles all messages but one, for each in turn, and opens the source
// again.
func (c *SourceCase) goesOn(ctx context.Context, t *testing.T) {
	for left := range len(c.Bodies) + 1 {
		a, env := c.New(t)
		s := openSource(ctx, t, a, env)
		got := receive(ctx, t, s, len(c.Bodies))
		for i := len(got) - 1; i >= 0; i-- { // the last first
			if i != left {
				settle(ctx, nil, got[i])
			}
		}
		closeTwice(t, s)
		if left < len(got) {
			settle(ctx, nil, got[left]) // too late to count
		}
		again := openSource(ctx, t, a, env)
		rest := receive(ctx, t, again, len(c.Bodies)-left)
		if !slices.Equal(bodies(rest), c.Bodies[left:]) {
			t.Errorf("with message %d unsettled it went on with %q, want %q", left+1, bodies(rest), c.Bodies[left:])
		}
		for i, m := range rest {
			if m.ID != got[left+i].ID {
				t.Errorf("message %d has the ID %s, and had %s", left+i+1, m.ID, got[left+i].ID)
			}
		}
		settle(ctx, nil, rest...)
		c.nothingMore(ctx, t, again)
		closeTwice(t, again)
	}
}
