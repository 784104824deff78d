package routing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/inner"
)

// How much the results of one message may take.
const (
	mostResults = 64 << 20
	perResult   = 64      // beside its text
	maxFailure  = 4 << 10 // of the text of an error
)

// A partGathering are the results of a message's parts.
type partGathering struct {
	*whole
	results  [][]byte // JSON, by the parts' numbers, from 0
	ended    []bool
	failures []partFailure
	bytes    int64
	over     bool // nothing more is taken in
	parts    context.Context
	stop     context.CancelCauseFunc
}

type partFailure struct {
	Index int    `json:"index"`
	Error string `json:"error"`
}

var (
	errResults = errors.New("the results of its parts take too much memory")
	errLate    = errors.New("the time is over")
)

// take takes what comes out of each.
func (g *partGathering) take(index int, m *eip.Message) error {
	result, err := raw(m)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.over:
		return nil
	case g.results[index] != nil:
		return eip.Invalid(inner.ErrTwo)
	}
	if g.bytes += int64(len(result)); g.bytes > mostResults {
		return eip.Permanent(errResults)
	}
	g.message.Charge(int64(len(result)))
	g.results[index] = result
	return nil
}

// gather has parts pass each, and passes the message on with what came of them.
func (w *whole) gather(ctx context.Context, pieces iter.Seq[piece], next eip.Handler) error {
	n := w.sequence.Size
	g := &partGathering{whole: w, bytes: int64(n) * perResult}
	if g.bytes > mostResults {
		return eip.Permanent(errResults)
	}
	w.message.Charge(g.bytes)
	g.results, g.ended = make([][]byte, n), make([]bool, n)
	g.parts, g.stop = context.WithCancelCause(ctx)
	defer g.stop(nil)
	if t := w.stage.Gather.Timeout; t > 0 {
		timer := w.stage.env.Clock.AfterFunc(t, func() { g.stop(errLate) })
		defer timer.Stop()
	}
	done := make(chan struct{})
	g.pending, g.release = 1, func(error) { close(done) }
	err := g.begin(pieces)
	if g.settled(0, nil); err == nil {
		select {
		case <-done:
		case <-g.parts.Done():
		}
	}
	switch failed := g.end(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case failed != nil:
		return failed
	case err != nil && !g.isLate():
		return err
	}
	result, err := g.result(ctx)
	if err != nil {
		return err
	}
	return next.Handle(ctx, result)
}

// begin starts to work on all parts, as many at a time as there is room for.
func (g *partGathering) begin(pieces iter.Seq[piece]) error {
	s, ctx, number := g.stage, g.parts, 0
	for p := range pieces {
		number++
		index := number - 1
		c, err := g.content(ctx, index, p)
		if err != nil && s.fails() {
			return err
		} else if err != nil {
			g.partEnded(index, err)
			continue
		}
		part, err := g.part(ctx, number, c, func(err error) { g.settledPart(index, err) })
		if err != nil {
			return err
		}
		g.mu.Lock()
		g.pending++
		g.mu.Unlock()
		take := func(_ context.Context, m *eip.Message) error { return g.take(index, m) }
		each := func(ctx context.Context, m *eip.Message) error { return inner.Process(ctx, &s.Each, m, take) }
		s.working.Go(func() { eip.Deliver(ctx, eip.HandlerFunc(each), part) })
	}
	return nil
}

// settledPart is about a part that has settled. One that fails with its message ends the
// others too.
func (g *partGathering) settledPart(index int, err error) {
	err = g.partEnded(index, err)
	if g.settled(index+1, err); err != nil {
		g.stop(nil)
	}
}

// partEnded returns what the message fails with.
func (g *partGathering) partEnded(index int, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over || err != nil && g.isLate() { // it may have failed for that
		return nil
	}
	g.ended[index] = true
	if err != nil && !g.stage.fails() {
		g.fail(index, err)
		return nil
	}
	return err
}

// fail notes, under the lock, that a part has failed whose message goes on.
func (g *partGathering) fail(index int, err error) {
	text := g.stage.discreet(g.message, err).Error()
	text = text[:min(len(text), maxFailure)]
	g.results[index] = nil
	g.failures = append(g.failures, partFailure{index, text})
	g.bytes += int64(len(text))
}

// isLate reports whether the time of the parts is over.
func (g *partGathering) isLate() bool { return context.Cause(g.parts) == errLate }

// end takes in nothing more, and says why the message fails with its parts; nil where it
// does not.
func (g *partGathering) end() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over = true; g.failed != nil {
		return g.failed
	}
	isLate, late := g.isLate(), 0
	for i, ended := range g.ended {
		if ended || !isLate {
			continue
		}
		if late++; !g.stage.fails() {
			g.fail(i, fmt.Errorf("it did not end within %v", g.stage.Gather.Timeout))
		}
	}
	switch {
	case late > 0 && g.stage.fails():
		return fmt.Errorf("%d of %d parts did not end within %v", late, len(g.ended), g.stage.Gather.Timeout)
	case g.bytes > mostResults:
		return eip.Permanent(errResults)
	}
	return nil
}

// result is the message with what came of its parts. Nobody changes that any more.
func (g *partGathering) result(ctx context.Context) (*eip.Message, error) {
	results := slices.DeleteFunc(g.results, func(r []byte) bool { return r == nil })
	list := slices.Concat([]byte("["), bytes.Join(results, []byte(",")), []byte("]"))
	merge := g.stage.Gather.Body
	if merge == nil {
		return g.message.WithBody(list).With(asJSON), nil
	}
	slices.SortFunc(g.failures, func(a, b partFailure) int { return cmp.Compare(a.Index, b.Index) })
	failures, err := json.Marshal(append([]partFailure{}, g.failures...))
	if err != nil {
		return nil, eip.Invalid(err)
	}
	v, err := merge(ctx, g.message, document(slices.Concat([]byte(`{"results":`), list, []byte(`,"failures":`), failures, []byte("}"))))
	if err != nil {
		return nil, fmt.Errorf("gather: %w", err)
	}
	return g.message.WithValue(v, "")
}
