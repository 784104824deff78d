package routing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
)

// doing is a stage of a function.
func doing(f func(ctx context.Context, m *eip.Message, next eip.Handler) error) eip.Stage {
	return eip.StageFunc(f)
}

// shown is a gathering's body: what it sees.
func shown(_ context.Context, m, reply *eip.Message) (any, error) {
	return fmt.Sprintf("%s: %s", m.ID, reply.Body()), nil
}

func gathering(format routing.PartFormat, set func(*routing.Splitter), stages ...eip.Stage) *routing.Splitter {
	return splitter(format, func(s *routing.Splitter) {
		s.Gather = &routing.Gather{Body: shown}
		s.Each.Stages = stages
		if set != nil {
			set(s)
		}
	})
}

func TestSplitter_Gathers(t *testing.T) {
	upper := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithBody([]byte(strings.ToUpper(string(m.Body())))))
	})
	odd := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		if m.Sequence.Number%2 == 0 {
			m.Drop()
			return nil
		}
		return next.Handle(ctx, m)
	})
	twice := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return errors.Join(next.Handle(ctx, m), next.Handle(ctx, m))
	})
	bad := func(err error) eip.Stage {
		return doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			if string(m.Body()) == "b" {
				return err
			}
			return next.Handle(ctx, m)
		})
	}
	async := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		release := m.Hold()
		go func() {
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
			release(next.Handle(ctx, m))
		}()
		return nil
	})
	slow := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		if string(m.Body()) != "b" {
			return next.Handle(ctx, m)
		}
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	stuck := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		if string(m.Body()) == "b" {
			m.Hold() // and never lets go
		}
		return next.Handle(ctx, m)
	})
	listing := func(s *routing.Splitter) { s.Failure = routing.PartFails }
	soon := func(s *routing.Splitter) { s.Gather.Timeout = time.Second }
	for name, c := range map[string]struct {
		split           *routing.Splitter
		body            string
		out, dead, says string
		invalid         bool
	}{
		"all":         {split: gathering("lines", nil, upper), out: `w: {"results":["A","B","C"],"failures":[]}`},
		"as it comes": {split: gathering("lines", func(s *routing.Splitter) { s.Gather.Body = nil }, upper), out: `["A","B","C"]`},
		"JSON keeps its digits": {split: gathering("json_array", func(s *routing.Splitter) { s.Gather.Body = nil }, odd), body: `[1.50, 2, {"<": 12345678901234567890}]`,
			out: `[1.50,{"<": 12345678901234567890}]`},
		"without some":   {split: gathering("lines", nil, odd), out: `w: {"results":["a","c"],"failures":[]}`},
		"none is left":   {split: gathering("lines", nil, doing(func(context.Context, *eip.Message, eip.Handler) error { return nil })), out: `w: {"results":[],"failures":[]}`},
		"out of order":   {split: gathering("lines", nil, async, upper), out: `w: {"results":["A","B","C"],"failures":[]}`},
		"one at a time":  {split: gathering("lines", func(s *routing.Splitter) { s.InFlight.Set(1) }, async), out: `w: {"results":["a","b","c"],"failures":[]}`},
		"no parts":       {split: gathering("json_array", nil, upper), body: "[]", out: `w: {"results":[],"failures":[]}`},
		"two of one":     {split: gathering("lines", nil, twice), dead: "a\nb\nc", says: "two messages have come of one", invalid: true},
		"one fails":      {split: gathering("lines", nil, bad(errors.New("no"))), dead: "a\nb\nc", says: "part 2: no"},
		"one is invalid": {split: gathering("lines", nil, bad(eip.Invalid(errors.New("no")))), dead: "a\nb\nc", says: "part 2: no", invalid: true},
		"failures":       {split: gathering("lines", listing, bad(errors.New("no"))), out: `w: {"results":["a","c"],"failures":[{"index":1,"error":"no"}]}`},
		"a failure that had a result": {split: gathering("lines", listing, doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return errors.Join(next.Handle(ctx, m), errors.New("late"))
		})), body: "a", out: `w: {"results":[],"failures":[{"index":0,"error":"late"}]}`},
		"too late":            {split: gathering("lines", soon, slow), dead: "a\nb\nc", says: "1 of 3 parts did not end within 1s"},
		"too late and listed": {split: gathering("lines", func(s *routing.Splitter) { listing(s); soon(s) }, stuck), out: `w: {"results":["a","c"],"failures":[{"index":1,"error":"it did not end within 1s"}]}`},
		"never begun":         {split: gathering("lines", func(s *routing.Splitter) { listing(s); soon(s); s.InFlight.Set(1) }, stuck), out: `w: {"results":["a"],"failures":[{"index":1,"error":"it did not end within 1s"},{"index":2,"error":"it did not end within 1s"}]}`},
		"a body that fails": {split: gathering("lines", func(s *routing.Splitter) {
			s.Gather.Body = func(context.Context, *eip.Message, *eip.Message) (any, error) {
				return nil, eip.Invalid(errors.New("no such member"))
			}
		}, upper), dead: "a\nb\nc", says: "gather: no such member", invalid: true},
		"a part's body fails": {split: gathering("lines", func(s *routing.Splitter) { s.Body = oddOnly }, upper), dead: "a\nb\nc", says: "body of part 2: even", invalid: true},
		"that is listed":      {split: gathering("lines", func(s *routing.Splitter) { listing(s); s.Body = oddOnly }, upper), out: `w: {"results":[1,3],"failures":[{"index":1,"error":"body of part 2: even"}]}`},
		"parts leave":         {split: gathering("lines", func(s *routing.Splitter) { s.Each.To = eip.Discard }, upper), out: `w: {"results":[],"failures":[]}`},
		"through branches":    {split: gathering("lines", nil, branches(upper)), out: `w: {"results":["A","b","!"],"failures":[]}`},
		"what is no part": {split: gathering("lines", nil, doing(func(_ context.Context, m *eip.Message, next eip.Handler) error {
			return next.Handle(context.Background(), m)
		})), dead: "a\nb\nc", says: "where nobody waits for it", invalid: true},
		"what is no UTF-8": {split: gathering("lines", func(s *routing.Splitter) { s.Body = oddOnly }, upper), body: "\xff", dead: "\xff", says: "part 1: it is no UTF-8", invalid: true},
		"a result of no JSON": {split: gathering("json_array", nil, doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return next.Handle(ctx, m.WithBody([]byte("{")))
		})), body: "[1]", dead: "[1]", says: "part 1", invalid: true},
		"results without end": {split: gathering("lines", nil, doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return next.Handle(ctx, m.WithBody(make([]byte, 30<<20)))
		})), dead: "a\nb\nc", says: "take too much memory"},
		"parts without number": {split: gathering("lines", nil, upper), body: strings.Repeat("\n", 1<<20+1), dead: strings.Repeat("\n", 1<<20+1), says: "take too much memory"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body := c.body
				if body == "" {
					body = "a\nb\nc"
				}
				f := newSplitFlow(c.split, typedAs(body, ""))
				f.run(t)
				dead := &f.dead
				if c.invalid {
					dead = &f.invalid
				}
				if got := strings.Join(f.out.Bodies(), " "); got != c.out {
					t.Errorf("it became %.200s, want %s", got, c.out)
				}
				if got := strings.Join(dead.Bodies(), " "); got != c.dead {
					t.Errorf("dead letters %.200q, want %.200q", got, c.dead)
				}
				for _, m := range dead.Messages() {
					if text := fmt.Sprint(m.Headers["eip-error"]); !strings.Contains(text, c.says) {
						t.Errorf("it failed with %q, want %q", text, c.says)
					}
				}
				if counts, _ := f.Counts(); counts.Made != 0 || c.out != "" && counts.Sent != 1 {
					t.Errorf("counts %+v", counts)
				}
			})
		})
	}
}

// oddOnly is a part's body: its number, where that is odd.
func oddOnly(_ context.Context, _, reply *eip.Message) (any, error) {
	var seen struct {
		Index int
		Part  any
	}
	if err := json.Unmarshal(reply.Body(), &seen); err != nil {
		return nil, eip.Invalid(err)
	}
	if seen.Index%2 == 1 {
		return nil, eip.Invalid(errors.New("even"))
	}
	return fmt.Sprint(seen.Index + 1), nil
}

// branches is a router whose branches end without a to.
func branches(upper eip.Stage) eip.Stage {
	inner := routing.NewContentRouter()
	inner.When = []*routing.When{{Label: "b", If: eip.LiveOf(is("b")), Body: eip.Pipe{Stages: []eip.Stage{doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) })}}}}
	inner.Otherwise.Stages = []eip.Stage{doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		return next.Handle(ctx, m.WithBody([]byte("!")))
	})}
	r := routing.NewContentRouter()
	r.When = []*routing.When{{Label: "a", If: eip.LiveOf(is("a")), Body: eip.Pipe{Stages: []eip.Stage{upper}}}}
	r.Otherwise.Stages = []eip.Stage{inner}
	return r
}

// What is written of a failure shows nothing that is to be hidden in the part or the whole.
func TestSplitter_FailuresAreDiscreet(t *testing.T) {
	leaks := doing(func(_ context.Context, m *eip.Message, _ eip.Handler) error {
		return eip.Permanent(fmt.Errorf("cannot take %s of %s", m.Body(), m.Headers["whole"]))
	})
	each := map[string]*routing.Splitter{
		"listed":   gathering("lines", func(s *routing.Splitter) { s.Failure = routing.PartFails }, leaks),
		"fails":    gathering("lines", nil, leaks),
		"no parts": splitter("lines", func(s *routing.Splitter) { s.Failure = routing.WholeFails }),
	}
	for name, split := range each {
		synctest.Test(t, func(t *testing.T) {
			const secret = "4711-whole"
			f := newSplitFlow(split, typedAs("0815-part", "").WithHeader("whole", secret))
			f.Discreet = func(m *eip.Message, err error) error {
				return errors.New(strings.NewReplacer(string(m.Body()), "[redacted]", secret, "[redacted]").Replace(err.Error()))
			}
			if name == "no parts" {
				f.To = eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return leaks.Process(ctx, m, nil) })
			}
			f.run(t)
			text := fmt.Sprint(f.out.Bodies())
			if len(f.out.Bodies()) == 0 {
				text = fmt.Sprint(f.dead.Messages()[0].Headers[header.Error])
			}
			if !strings.Contains(text, "cannot take [redacted] of [redacted]") {
				t.Errorf("%s: %s", name, text)
			}
		})
	}
}

// Splitters within splitters end, however few may be under way, and bring back the sequence
// that was outside of theirs.
func TestSplitter_NestedThreeDeep(t *testing.T) {
	for _, inFlight := range []int{1, 2, 1000} {
		synctest.Test(t, func(t *testing.T) {
			check := func(depth int) eip.Stage {
				return doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
					n := 0
					for o := m.Sequence.Outer; o != nil; o = o.Outer {
						n++
					}
					if n != depth {
						t.Errorf("a sequence has %d outer ones, want %d: %+v", n, depth, m.Sequence)
					}
					return next.Handle(ctx, m)
				})
			}
			few := func(s *routing.Splitter) { s.InFlight.Set(inFlight); s.Gather.Body = nil }
			slowly := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				time.Sleep(time.Millisecond)
				return next.Handle(ctx, m)
			})
			innermost := gathering("json_array", few, check(2), slowly)
			middle := gathering("json_array", few, check(1), innermost, check(1))
			var messages []*eip.Message
			for range 10 {
				messages = append(messages, typedAs("[[[1,2],[3]],[],[[4,5,6]]]", "application/json"))
			}
			f := newSplitFlow(gathering("json_array", few, check(0), middle, check(0)), messages...)
			f.Concurrency = 2
			f.run(t)
			for _, m := range f.out.Messages() {
				if string(m.Body()) != "[[[1,2],[3]],[],[[4,5,6]]]" || m.Sequence != (eip.Sequence{}) || m.ID != "w" {
					t.Errorf("it became %s, %+v", m.Body(), m.Sequence)
				}
			}
			if n := len(f.out.Messages()); n != 10 {
				t.Errorf("%d of 10 came", n)
			}
		})
	}
}

// Whenever the time is over, however the parts end, a message goes on or fails once.
func TestSplitter_TimeoutAtAnyMoment(t *testing.T) {
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			random := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
				release := m.Hold()
				go func() {
					time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
					release([]error{nil, nil, errors.New("no")}[rand.IntN(3)])
				}()
				return next.Handle(ctx, m)
			})
			f := newSplitFlow(gathering("lines", func(s *routing.Splitter) {
				s.Gather.Timeout, s.Failure = 20*time.Millisecond, []routing.PartFailure{"part", "whole"}[rand.IntN(2)]
				s.InFlight.Set(1 + rand.IntN(4))
			}, random), typedAs("a\nb\nc\nd", ""))
			f.run(t)
			if n := len(f.out.Messages()) + len(f.dead.Messages()); n != 1 {
				t.Errorf("%d came out", n)
			}
			time.Sleep(time.Second) // the last stragglers let go
		})
	}
}

// A flow that is to stop does not wait for more than it has begun, and gives the message back.
func TestSplitter_GivesBackAtTheEndOfTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		settled := make(chan error, 1)
		stuck := doing(func(ctx context.Context, _ *eip.Message, _ eip.Handler) error { <-ctx.Done(); return ctx.Err() })
		f := newSplitFlow(gathering("lines", func(s *routing.Splitter) { s.InFlight.Set(2) }, stuck))
		f.Source, f.Grace = &one{eip.New([]byte("a\nb\nc"), func(err error) { settled <- err })}, time.Minute
		go func() { time.Sleep(time.Second); stop() }()
		if err := f.Run(ctx); err == nil {
			t.Error("nothing was left")
		}
		if err := <-settled; err == nil || len(f.dead.Messages()) > 0 {
			t.Errorf("it settled with %v", err)
		}
	})
}

func BenchmarkSplitter(b *testing.B) {
	pass := doing(func(ctx context.Context, m *eip.Message, next eip.Handler) error { return next.Handle(ctx, m) })
	for name, c := range map[string]struct {
		split *routing.Splitter
		body  string
	}{
		"lines":      {splitter("lines", nil), strings.Repeat("a line of a hundred bytes or so\n", 1000)},
		"json_array": {splitter("json_array", nil), "[" + strings.Repeat(`{"sku":"a-1","quantity":3},`, 999) + "0]"},
		"csv":        {splitter("csv", nil), "sku,quantity\n" + strings.Repeat("a-1,3\n", 1000)},
		"list":       {splitter("", nil), `{"items":[` + strings.Repeat(`{"sku":"a-1","quantity":3},`, 999) + "0]}"},
		"gather":     {gathering("json_array", func(s *routing.Splitter) { s.Gather.Body = nil }, pass), "[" + strings.Repeat(`{"sku":"a-1","quantity":3},`, 999) + "0]"},
	} {
		b.Run(name, func(b *testing.B) {
			body, left := []byte(c.body), b.N
			f := &eip.Flow{Name: "f", Stages: []eip.Stage{&eip.Named{Address: "f.splitter", Stage: c.split}}, To: eip.Discard, Source: sourceFunc(func() *eip.Message {
				if left--; left < 0 {
					return nil
				}
				return eip.New(body, nil).With(func(m *eip.Message) { m.ID = "w" })
			})}
			b.ReportAllocs()
			b.ResetTimer()
			if err := f.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/part")
		})
	}
}

type sourceFunc func() *eip.Message

func (f sourceFunc) Receive(context.Context) (*eip.Message, error) {
	if m := f(); m != nil {
		return m, nil
	}
	return nil, io.EOF
}
