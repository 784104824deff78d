package host

import (
	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

// discreet returns the error that a message of the flow failed with as it may be
// seen outside.
func (r *flowRun) discreet(m *eip.Message, err error) error {
	return r.unit.host.secrets.Error(r.unit.host.control.Discreet(m, err))
}

// discreetTracer shows the spans of a flow no more of errors than others see.
type discreetTracer struct {
	eip.Tracer
	flow *flowRun
}

func (t discreetTracer) Receive(m *eip.Message) eip.Span {
	return discreetSpan{t.Tracer.Receive(m), t.flow, m}
}

type discreetSpan struct {
	eip.Span
	flow *flowRun
	of   *eip.Message
}

func (s discreetSpan) Stage(address string, m *eip.Message) eip.Span {
	return discreetSpan{s.Span.Stage(address, m), s.flow, m}
}

func (s discreetSpan) Send(to eip.Place, m *eip.Message) (eip.Span, eip.Headers) {
	span, headers := s.Span.Send(to, m)
	return discreetSpan{span, s.flow, m}, headers
}

func (s discreetSpan) Retry(attempt int, err error) {
	s.Span.Retry(attempt, s.flow.discreet(s.of, err))
}

func (s discreetSpan) Settled(how stats.Outcome, err error) {
	s.Span.Settled(how, s.flow.discreet(s.of, err))
}

func (s discreetSpan) End(err error) { s.Span.End(s.flow.discreet(s.of, err)) }
