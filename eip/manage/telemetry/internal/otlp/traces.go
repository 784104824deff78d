package otlp

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Traces exports spans.
type Traces struct{ *Client }

// ExportSpans sends spans.
func (t Traces) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	return t.send(ctx, encodeSpans(spans))
}

// encodeSpans makes an ExportTraceServiceRequest.
func encodeSpans(spans []sdktrace.ReadOnlySpan) (request message) {
	type origin struct {
		resource attribute.Distinct
		scope    instrumentation.Scope
	}
	scopes := map[origin]*message{}
	var order []origin
	first := map[origin]sdktrace.ReadOnlySpan{}
	for _, s := range spans {
		o := origin{s.Resource().Equivalent(), s.InstrumentationScope()}
		in := scopes[o]
		if in == nil {
			in = &message{}
			in.bytes(1, scopeOf(o.scope))
			scopes[o], first[o] = in, s
			order = append(order, o)
		}
		in.bytes(2, spanOf(s))
	}
	for _, o := range order {
		scopes[o].text(3, o.scope.SchemaURL)
		var of message
		of.bytes(1, resourceOf(first[o].Resource()))
		of.bytes(2, *scopes[o])
		of.text(3, first[o].Resource().SchemaURL())
		request.bytes(1, of)
	}
	return request
}

// The lower eight bits of the flags are those of the W3C; whether the parent is in
// another process comes above.
const hasIsRemote, isRemote = 1 << 8, 1 << 9

func flags(c trace.SpanContext, remote bool) uint32 {
	f := uint32(c.TraceFlags()) | hasIsRemote
	if remote {
		f |= isRemote
	}
	return f
}

func spanOf(s sdktrace.ReadOnlySpan) (m message) {
	c, parent := s.SpanContext(), s.Parent()
	traceID, id := c.TraceID(), c.SpanID()
	m.bytes(1, traceID[:])
	m.bytes(2, id[:])
	m.text(3, c.TraceState().String())
	if parent.SpanID().IsValid() {
		id := parent.SpanID()
		m.bytes(4, id[:])
	}
	m.text(5, s.Name())
	m.varint(6, uint64(s.SpanKind())) // the numbers are the same
	m.fixed64(7, nanos(s.StartTime()))
	m.fixed64(8, nanos(s.EndTime()))
	m.attributes(9, s.Attributes())
	m.varint(10, uint64(s.DroppedAttributes()))
	for _, e := range s.Events() {
		var event message
		event.fixed64(1, nanos(e.Time))
		event.text(2, e.Name)
		event.attributes(3, e.Attributes)
		event.varint(4, uint64(e.DroppedAttributeCount))
		m.bytes(11, event)
	}
	m.varint(12, uint64(s.DroppedEvents()))
	for _, l := range s.Links() {
		traceID, id := l.SpanContext.TraceID(), l.SpanContext.SpanID()
		var link message
		link.bytes(1, traceID[:])
		link.bytes(2, id[:])
		link.text(3, l.SpanContext.TraceState().String())
		link.attributes(4, l.Attributes)
		link.varint(5, uint64(l.DroppedAttributeCount))
		link.fixed32(6, flags(l.SpanContext, l.SpanContext.IsRemote()))
		m.bytes(13, link)
	}
	m.varint(14, uint64(s.DroppedLinks()))
	m.bytes(15, statusOf(s.Status()))
	m.fixed32(16, flags(c, parent.IsRemote()))
	return m
}

func nanos(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(t.UnixNano(), 0))
}

// statusOf translates a status, whose codes have other numbers on the wire.
func statusOf(s sdktrace.Status) (m message) {
	m.text(2, s.Description)
	switch s.Code {
	case codes.Ok:
		m.varint(3, 1)
	case codes.Error:
		m.varint(3, 2)
	}
	return m
}
