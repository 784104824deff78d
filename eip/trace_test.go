package eip_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

// book is a Tracer that writes down what it is told.
type book struct {
	mu    sync.Mutex
	lines []string
	spans int
}

func (b *book) note(format string, a ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprintf(format, a...))
}

func (b *book) begin(within, name string) *page {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spans++
	p := &page{book: b, name: within + name}
	b.lines = append(b.lines, "begin "+p.name)
	return p
}

func (b *book) Receive(m *eip.Message) eip.Span { return b.begin("", "receive "+string(m.Body())) }

type page struct {
	*book
	name string
	once sync.Once
}

func (p *page) Stage(address string, _ *eip.Message) eip.Span { return p.begin(p.name+" > ", address) }

func (p *page) Send(to eip.Place, _ *eip.Message) (eip.Span, eip.Headers) {
	return p.begin(p.name+" > ", "send "+to.Name), eip.Headers{"traceparent": p.name}
}

func (p *page) Retry(attempt int, err error)         { p.note("retry %d %s: %v", attempt, p.name, err) }
func (p *page) Settled(how stats.Outcome, err error) { p.note("%s %s: %v", how, p.name, err) }
func (p *page) End(err error)                        { p.once.Do(func() { p.note("end %s: %v", p.name, err) }) }
func sendTo(name string, h eip.Handler) eip.HandlerFunc {
	return func(ctx context.Context, m *eip.Message) error { return eip.Send(ctx, h, m, eip.Place{Name: name}) }
}

// body is a stage with a body that messages fall off, to what follows the stage.
type body struct{ eip.Pipe }

func (b *body) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return b.Pipe.Process(ctx, m, next)
}

func run(t *testing.T, f *eip.Flow) {
	t.Helper()
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What follows a stage stands beside it, what is in its body within it.
func TestTracer_Spans(t *testing.T) {
	var b book
	var out eiptest.Recorder
	inner := &body{eip.Pipe{Stages: []eip.Stage{named("f.body.one", pass{}), named("f.body.two", pass{})}}}
	run(t, &eip.Flow{Name: "f", Source: eiptest.NewTexts("m"), Env: eip.Env{Tracer: &b},
		Stages: []eip.Stage{named("f.first", pass{}), named("f.body", inner), named("f.last", pass{})}, To: sendTo("out", &out)})
	want := `begin receive m
begin receive m > f.first
end receive m > f.first: <nil>
begin receive m > f.body
begin receive m > f.body > f.body.one
end receive m > f.body > f.body.one: <nil>
begin receive m > f.body > f.body.two
end receive m > f.body > f.body.two: <nil>
end receive m > f.body: <nil>
begin receive m > f.last
end receive m > f.last: <nil>
begin receive m > send out
end receive m > send out: <nil>
sent receive m: <nil>`
	if got := strings.Join(b.lines, "\n"); got != want {
		t.Errorf("noted\n%s\nwant\n%s", got, want)
	}
	if h := out.Messages()[0].Headers; h["traceparent"] != "receive m" {
		t.Errorf("sent with the headers %v", h)
	}
}

// A failure is where it happened, and not in the stages around it.
func TestTracer_Failures(t *testing.T) {
	var b book
	fails := eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error { return errors.New("boom") })
	outer := &body{eip.Pipe{Stages: []eip.Stage{named("f.outer.inner", fails)}}}
	run(t, &eip.Flow{Name: "f", Source: eiptest.NewTexts("m"), Env: eip.Env{Tracer: &b}, Retry: eip.Retry{Attempts: 2, Delay: 1},
		Stages: []eip.Stage{named("f.outer", outer)}, To: eip.Discard, DeadLetter: sendTo("f.dead", eip.Discard)})
	attempt := []string{"begin receive m > f.outer", "begin receive m > f.outer > f.outer.inner",
		"end receive m > f.outer > f.outer.inner: f.outer.inner: boom", "end receive m > f.outer: <nil>"}
	want := slices.Concat([]string{"begin receive m"}, attempt, []string{"retry 1 receive m: f.outer.inner: boom"}, attempt,
		[]string{"begin receive m > send f.dead", "end receive m > send f.dead: <nil>", "dead_lettered receive m: f.outer.inner: boom"})
	if !slices.Equal(b.lines, want) {
		t.Errorf("noted\n%s\nwant\n%s", strings.Join(b.lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestMessage_ReplyIsSent(t *testing.T) {
	var b book
	var got *eip.Message
	takes := replier(func(_, reply *eip.Message) { got = reply })
	source := eiptest.NewTexts("m")
	answers := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		return m.With(func(m *eip.Message) { m.ReplyTo = "inbox" }).WithReplier(takes).Reply(ctx, eiptest.Message("answer"))
	})
	run(t, &eip.Flow{Name: "f", Source: source, Env: eip.Env{Tracer: &b}, To: answers})
	if !slices.Contains(b.lines, "end receive m > send inbox: <nil>") || got == nil || got.Headers["traceparent"] != "receive m" {
		t.Errorf("noted %q, replied %v", b.lines, got)
	}
}

type replier func(request, reply *eip.Message)

func (r replier) Reply(_ context.Context, request, reply *eip.Message) error {
	r(request, reply)
	return nil
}

func TestFlow_History(t *testing.T) {
	var out eiptest.Recorder
	before := make([]any, 100)
	for i := range before {
		before[i] = eip.Headers{"address": fmt.Sprint("earlier.", i)}
	}
	for i, history := range []any{nil, "no list", before} {
		m := eiptest.Message("m")
		if history != nil {
			m = m.WithHeader(header.History, history)
		}
		inner := &body{eip.Pipe{Stages: []eip.Stage{named("f.body.one", pass{})}}}
		run(t, &eip.Flow{Name: "f", Source: eiptest.NewSource(m), History: true,
			Stages: []eip.Stage{named("f.body", inner), named("f.last", pass{})}, To: &out})
		var addresses []string
		for _, step := range out.Messages()[i].Headers[header.History].([]any) {
			addresses = append(addresses, step.(eip.Headers)["address"].(string))
			if at, ok := step.(eip.Headers)["time"].(string); ok {
				if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
					t.Error(err)
				}
			}
		}
		want := []string{"f", "f.body", "f.body.one", "f.last"}
		if i == 2 {
			for n := 99; n >= 40; n-- {
				want = slices.Insert(want, 0, fmt.Sprint("earlier.", n))
			}
		}
		if !slices.Equal(addresses, want) {
			t.Errorf("passed %q, want %q", addresses, want)
		}
	}
	if len(before) != 100 || before[0].(eip.Headers)["address"] != "earlier.0" {
		t.Error("the history of a message that came in was changed")
	}
}

// No span ends with more of an error than others see, be it of a stage, of what is sent
// or of the flow.
func TestTracer_IsDiscreet(t *testing.T) {
	var b book
	fails := eip.HandlerFunc(func(context.Context, *eip.Message) error { return errors.New("boom") })
	run(t, &eip.Flow{Name: "f", Source: eiptest.NewTexts("m"), Env: eip.Env{Tracer: &b}, Retry: eip.Retry{Attempts: 2, Delay: 1},
		Stages: []eip.Stage{named("f.sends", sends{sendTo("there", fails)})}, To: eip.Discard, DeadLetter: eip.Discard,
		Discreet: func(m *eip.Message, _ error) error { return errors.New("discreet about " + string(m.Body())) }})
	got := strings.Join(b.lines, "\n")
	for _, span := range []string{"end receive m > f.sends > send there", "end receive m > f.sends", "retry 1 receive m", "dead_lettered receive m"} {
		if !strings.Contains(got, span+": discreet about m") {
			t.Errorf("%s is not discreet", span)
		}
	}
	if strings.Contains(got, "boom") {
		t.Errorf("noted\n%s", got)
	}
}

// sends is a stage that sends elsewhere.
type sends struct{ to eip.Handler }

func (s sends) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	return s.to.Handle(ctx, m)
}

// What is made of a message is within its trace.
func TestTracer_OfParts(t *testing.T) {
	var b book
	run(t, &eip.Flow{Name: "f", Source: eiptest.NewTexts("m"), Env: eip.Env{Tracer: &b},
		Stages: []eip.Stage{named("f.split", &parter{n: 1}), named("f.last", pass{})}, To: sendTo("out", eip.Discard)})
	want := `begin receive m
begin receive m > f.split
begin receive m > f.split > f
begin receive m > f.split > f > f.last
end receive m > f.split > f > f.last: <nil>
begin receive m > f.split > f > send out
end receive m > f.split > f > send out: <nil>
sent receive m > f.split > f: <nil>
end receive m > f.split: <nil>
absorbed receive m: <nil>`
	if got := strings.Join(b.lines, "\n"); got != want {
		t.Errorf("noted\n%s\nwant\n%s", got, want)
	}
}
