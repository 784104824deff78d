package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/visible"
)

// span is a message in a flow or a stage, or its being sent.
type span struct {
	*tracer
	ctx  context.Context
	span trace.Span
}

// Stage begins the span of a stage.
func (s *span) Stage(address string, _ *eip.Message) eip.Span {
	return s.start(s.ctx, address, trace.SpanKindInternal, []attribute.KeyValue{s.flow, keyStage.String(address)})
}

// Send begins the span of a message that is sent. Whoever receives it finds that in
// its headers.
func (s *span) Send(to eip.Place, m *eip.Message) (eip.Span, eip.Headers) {
	kind := trace.SpanKindInternal
	switch {
	case to.Kind != "adapter":
		kind = trace.SpanKindProducer
	case to.System == "http":
		kind = trace.SpanKindClient
	}
	sent := s.start(s.ctx, nameOf("send", to), kind, append(s.about("send", "send", to, m), s.flow))
	set := headers{}
	s.propagator.Inject(sent.ctx, set)
	delete(set, "baggage") // the message's own goes on, as its stages have left it
	return sent, eip.Headers(set)
}

// Retry notes an attempt that failed.
func (s *span) Retry(attempt int, err error) {
	s.span.AddEvent("retry", trace.WithAttributes(keyAttempt.Int(attempt), semconv.ExceptionMessage(short(err))))
}

// Settled ends the span of a message in its flow.
func (s *span) Settled(how stats.Outcome, err error) {
	s.span.SetAttributes(keyOutcome.String(string(how)))
	s.End(err)
}

// End ends the span.
func (s *span) End(err error) {
	if err != nil && s.span.IsRecording() {
		s.span.SetStatus(codes.Error, short(err))
	}
	s.span.End()
}

// short keeps what an error says in bounds.
func short(err error) string { return visible.Short(err.Error(), 1<<10) }
