package telemetry

import (
	"context"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/eipd/eipd/eip"
)

// Attributes of this project's own.
const (
	keyFlow    = attribute.Key("eip.flow")
	keyStage   = attribute.Key("eip.stage")
	keyOutcome = attribute.Key("eip.outcome")
	keyAdapter = attribute.Key("eip.adapter")
	keyTest    = attribute.Key("eip.test")
	keyAttempt = attribute.Key("eip.attempt")
)

// Tracing makes spans of messages.
type Tracing struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
}

// NewTracing returns a Tracing whose spans go to a provider. The propagator carries
// their context in messages' headers; nil stands for W3C Trace Context and Baggage.
func NewTracing(to trace.TracerProvider, propagator propagation.TextMapPropagator) *Tracing {
	if propagator == nil {
		propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	return &Tracing{to.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)), propagator}
}

// Flow returns what follows the messages of a flow. from says where they come from,
// by their Channel.
func (t *Tracing) Flow(name string, from map[string]eip.Place) eip.Tracer {
	return &tracer{t, keyFlow.String(name), from}
}

// tracer follows the messages of one flow.
type tracer struct {
	*Tracing
	flow attribute.KeyValue
	from map[string]eip.Place
}

// Receive begins the span of a message in the flow. It belongs to the span that the
// message was sent in, where its headers name one.
func (t *tracer) Receive(m *eip.Message) eip.Span {
	place, ok := t.from[m.Channel]
	if !ok { // replies come in by channels that no flow file names
		place = eip.Place{Kind: "reply", Name: m.Channel}
	}
	ctx := t.propagator.Extract(context.Background(), headers(m.Headers))
	attributes := append(t.about("process", "process", place, m), t.flow)
	if m.IsTest() {
		attributes = append(attributes, keyTest.Bool(true))
	}
	kind := trace.SpanKindInternal
	switch {
	case place.Kind != "adapter":
		kind = trace.SpanKindConsumer
	case place.System == "http":
		kind = trace.SpanKindServer
	}
	return t.start(ctx, nameOf("process", place), kind, attributes)
}

func (t *tracer) start(ctx context.Context, name string, kind trace.SpanKind, attributes []attribute.KeyValue, links ...trace.Link) *span {
	ctx, s := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...), trace.WithLinks(links...))
	return &span{tracer: t, ctx: ctx, span: s}
}

// nameOf is a span's name. The address that a reply goes to is not part of it, as
// there are very many.
func nameOf(operation string, place eip.Place) string {
	if place.Kind == "reply" {
		return operation + " reply"
	}
	return operation + " " + place.Name
}

// about says what is known of a message and the place that it comes from or goes to.
func (t *tracer) about(name, kind string, place eip.Place, m *eip.Message) []attribute.KeyValue {
	a := make([]attribute.KeyValue, 0, 12)
	a = append(a, semconv.MessagingOperationName(name), semconv.MessagingOperationTypeKey.String(kind))
	if place.Kind == "adapter" {
		a = append(a, keyAdapter.String(place.Name))
	} else {
		a = append(a, semconv.MessagingDestinationName(place.Name))
	}
	if place.System != "" {
		a = append(a, semconv.MessagingSystemKey.String(place.System))
	}
	if place.Kind == "reply" {
		a = append(a, semconv.MessagingDestinationTemporary(true))
	}
	if m.ID != "" {
		a = append(a, semconv.MessagingMessageID(m.ID))
	}
	if m.CorrelationID != "" {
		a = append(a, semconv.MessagingMessageConversationID(m.CorrelationID))
	}
	if place.System == "rabbitmq" && m.Key != "" {
		a = append(a, semconv.MessagingRabbitMQDestinationRoutingKey(m.Key))
	}
	return append(a, semconv.MessagingMessageBodySize(len(m.Body())))
}

// headers carry the context of spans.
type headers eip.Headers

func (h headers) Get(key string) string {
	switch v := h[key].(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	// Other systems may write names as HTTP does.
	for name, v := range h {
		if text, ok := v.(string); ok && strings.EqualFold(name, key) {
			return text
		}
	}
	return ""
}

func (h headers) Set(key, value string) { h[key] = value }

func (h headers) Keys() []string {
	return slices.Collect(maps.Keys(h))
}
