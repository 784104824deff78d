package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/manage/telemetry"
)

// tracing returns a Tracing, and what reads the spans that have ended.
func tracing() (*telemetry.Tracing, func() spans) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	return telemetry.NewTracing(provider, nil), func() spans { return recorder.Ended() }
}

type spans []sdktrace.ReadOnlySpan

// named returns the spans of a name.
func (s spans) named(name string) spans {
	return slices.DeleteFunc(slices.Clone(s), func(s sdktrace.ReadOnlySpan) bool { return s.Name() != name })
}

// one returns the span of a name, of which there is one.
func (s spans) one(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	found := s.named(name)
	if len(found) != 1 {
		t.Fatalf("there are %d spans %q in\n%v", len(found), name, s)
	}
	return found[0]
}

// String shows each span after the one that it is within.
func (s spans) String() string {
	var lines []string
	for _, span := range s {
		path := span.Name()
		for at := span; at != nil; {
			parent := at.Parent().SpanID()
			at = nil
			for _, p := range s {
				if p.SpanContext().SpanID() == parent {
					at, path = p, p.Name()+" > "+path
				}
			}
		}
		lines = append(lines, path)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func attributesOf(s sdktrace.ReadOnlySpan) map[string]any {
	all := map[string]any{}
	for _, a := range s.Attributes() {
		all[string(a.Key)] = a.Value.AsInterface()
	}
	return all
}

func wantAttributes(t *testing.T, s sdktrace.ReadOnlySpan, want map[string]any) {
	t.Helper()
	if got := attributesOf(s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s has the attributes\n%v\nwant\n%v", s.Name(), got, want)
	}
}

type pass struct{}

func (pass) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	return next.Handle(ctx, m)
}

func stage(address string, s eip.Stage) *eip.Named { return &eip.Named{Address: address, Stage: s} }

func sendTo(to eip.Place, h eip.Handler) eip.Handler {
	return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return eip.Send(ctx, h, m, to) })
}

func run(t *testing.T, f *eip.Flow) {
	t.Helper()
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

var (
	orders = eip.Place{System: "rabbitmq", Kind: "queue", Name: "orders"}
	bills  = eip.Place{System: "rabbitmq", Kind: "topic", Name: "bills"}
	dead   = eip.Place{System: "rabbitmq", Kind: "queue", Name: "f.dead"}
)

// A message's way through two flows is one trace, whatever lies between them.
func TestTracing_OneTrace(t *testing.T) {
	traces, ended := tracing()
	var between, out eiptest.Recorder
	m := eiptest.Message("12345").With(func(m *eip.Message) {
		m.ID, m.CorrelationID, m.Channel, m.Key = "m1", "c1", "orders", "a.b"
		m.Headers = eip.Headers{"traceparent": []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), "tracestate": "a=b", "baggage": "tenant=1"}
	})
	run(t, &eip.Flow{Name: "f", Source: eiptest.NewSource(m), Env: eip.Env{Tracer: traces.Flow("f", map[string]eip.Place{"orders": orders})},
		Stages: []eip.Stage{stage("f.check", pass{})}, To: sendTo(bills, &between)})
	sent := between.Messages()[0]
	if sent.Headers["tracestate"] != "a=b" || sent.Headers["baggage"] != "tenant=1" || sent.Headers["traceparent"] == nil {
		t.Errorf("sent with the headers %v", sent.Headers)
	}
	received := eip.New(sent.Body(), nil).With(func(m *eip.Message) { m.Headers, m.Channel = sent.Headers, "bills" })
	run(t, &eip.Flow{Name: "g", Source: eiptest.NewSource(received), Env: eip.Env{Tracer: traces.Flow("g", map[string]eip.Place{"bills": bills})},
		To: sendTo(eip.Place{System: "file", Kind: "adapter", Name: "out"}, &out)})

	all := ended()
	const want = `process orders
process orders > f.check
process orders > send bills
process orders > send bills > process bills
process orders > send bills > process bills > send out`
	if got := all.String(); got != want {
		t.Errorf("spans\n%s\nwant\n%s", got, want)
	}
	for _, s := range all {
		if id := s.SpanContext().TraceID().String(); id != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%s is of the trace %s", s.Name(), id)
		}
	}
	first := all.one(t, "process orders")
	if p := first.Parent(); p.SpanID().String() != "b7ad6b7169203331" || !p.IsRemote() || first.SpanKind() != trace.SpanKindConsumer {
		t.Errorf("the first span is a %v of %v", first.SpanKind(), p)
	}
	wantAttributes(t, first, map[string]any{"messaging.operation.name": "process", "messaging.operation.type": "process", "messaging.system": "rabbitmq",
		"messaging.destination.name": "orders", "messaging.message.id": "m1", "messaging.message.conversation_id": "c1",
		"messaging.message.body.size": 5, "messaging.rabbitmq.destination.routing_key": "a.b", "eip.flow": "f", "eip.outcome": "sent"})
	wantAttributes(t, all.one(t, "f.check"), map[string]any{"eip.flow": "f", "eip.stage": "f.check"})
	if s := all.one(t, "send bills"); s.SpanKind() != trace.SpanKindProducer {
		t.Errorf("sending is a %v", s.SpanKind())
	}
	wantAttributes(t, all.one(t, "send out"), map[string]any{"messaging.operation.name": "send", "messaging.operation.type": "send", "messaging.system": "file",
		"eip.adapter": "out", "messaging.message.body.size": 5, "eip.flow": "g"})
}

func TestTracing_Kinds(t *testing.T) {
	for _, tt := range []struct {
		place            eip.Place
		receives, sends  trace.SpanKind
		receive, sending string
	}{
		{orders, trace.SpanKindConsumer, trace.SpanKindProducer, "process orders", "send orders"},
		{eip.Place{System: "http", Kind: "adapter", Name: "web"}, trace.SpanKindServer, trace.SpanKindClient, "process web", "send web"},
		{eip.Place{System: "file", Kind: "adapter", Name: "in"}, trace.SpanKindInternal, trace.SpanKindInternal, "process in", "send in"},
		{eip.Place{Kind: "reply", Name: "eip.inbox.1"}, trace.SpanKindConsumer, trace.SpanKindProducer, "process reply", "send reply"},
	} {
		traces, ended := tracing()
		m := eiptest.Message("m").With(func(m *eip.Message) { m.Channel = tt.place.Name })
		from := map[string]eip.Place{tt.place.Name: tt.place}
		if tt.place.Kind == "reply" {
			from = nil
		}
		run(t, &eip.Flow{Name: "f", Source: eiptest.NewSource(m), Env: eip.Env{Tracer: traces.Flow("f", from)}, To: sendTo(tt.place, eip.Discard)})
		all := ended()
		if r, s := all.one(t, tt.receive), all.one(t, tt.sending); r.SpanKind() != tt.receives || s.SpanKind() != tt.sends {
			t.Errorf("%v: %v and %v", tt.place, r.SpanKind(), s.SpanKind())
		}
	}
}

func TestTracing_Failures(t *testing.T) {
	traces, ended := tracing()
	long := strings.Repeat("ä", 1000)
	fails := eip.StageFunc(func(context.Context, *eip.Message, eip.Handler) error { return errors.New(long) })
	run(t, &eip.Flow{Name: "f", Source: eiptest.NewTexts("m"), Env: eip.Env{Tracer: traces.Flow("f", nil)}, Retry: eip.Retry{Attempts: 3, Delay: 1, MaxDelay: 1},
		Stages: []eip.Stage{stage("f.check", fails)}, To: eip.Discard, DeadLetter: sendTo(dead, eip.Discard)})
	all := ended()
	for _, s := range all.named("f.check") {
		if d := s.Status(); d.Code != codes.Error || len(d.Description) > 1100 || !strings.HasPrefix(d.Description, "f.check: ää") {
			t.Errorf("the stage's status: %v", d)
		}
	}
	flow := all.one(t, "process reply")
	if n := len(all.named("f.check")); n != 3 || len(flow.Events()) != 2 || flow.Status().Code != codes.Error || attributesOf(flow)["eip.outcome"] != "dead_lettered" {
		t.Errorf("%d attempts, events %v, status %v, attributes %v", n, flow.Events(), flow.Status(), attributesOf(flow))
	}
	if e := flow.Events()[1]; e.Name != "retry" || e.Attributes[0] != attribute.Int("eip.attempt", 2) {
		t.Errorf("event %v", e)
	}
	if s := all.one(t, "send f.dead"); s.Status().Code != codes.Unset || s.Parent().SpanID() != flow.SpanContext().SpanID() {
		t.Errorf("the dead letter's span: %v", s)
	}
}

// What is not sampled is still one trace for those who come after.
func TestTracing_NotSampled(t *testing.T) {
	traces := telemetry.NewTracing(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())), nil)
	var out eiptest.Recorder
	m := eiptest.Message("m").WithHeaders(eip.Headers{"baggage": "a=1", "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
	run(t, &eip.Flow{Name: "f", Source: eiptest.NewSource(m), Env: eip.Env{Tracer: traces.Flow("f", nil)},
		Stages: []eip.Stage{stage("f.change", eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
			return next.Handle(ctx, m.Without("baggage"))
		}))}, To: sendTo(orders, &out)})
	h := out.Messages()[0].Headers
	if p, _ := h["traceparent"].(string); !strings.HasPrefix(p, "00-0af7651916cd43dd8448eb211c80319c-") || !strings.HasSuffix(p, "-00") || h["baggage"] != nil {
		t.Errorf("sent with the headers %v", h)
	}
}

func BenchmarkFlow(b *testing.B) {
	for name, sampler := range map[string]sdktrace.Sampler{"all": sdktrace.AlwaysSample(), "none": sdktrace.NeverSample()} {
		b.Run(name, func(b *testing.B) {
			traces := telemetry.NewTracing(sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler)), nil)
			messages := make([]*eip.Message, b.N)
			for i := range messages {
				messages[i] = eip.New(make([]byte, 1024), nil)
			}
			f := &eip.Flow{Name: "f", Source: eiptest.NewSource(messages...), Env: eip.Env{Tracer: traces.Flow("f", nil)}, To: sendTo(orders, eip.Discard)}
			for i := range 5 {
				f.Stages = append(f.Stages, stage(fmt.Sprint("f.pass_", i), pass{}))
			}
			b.ReportAllocs()
			b.ResetTimer()
			if err := f.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
