package eip

import (
	"context"
	"strings"

	"github.com/eipd/eipd/eip/stats"
)

// A Tracer follows the messages of a flow for an observability system. Its methods
// and its Spans' are called by many goroutines.
type Tracer interface {
	// Receive begins the span of a message that the flow has taken. What came before
	// is in the message's headers.
	Receive(m *Message) Span
}

// A Span is a message in a flow or a stage, or its being sent. One that has a method
//
//	Step(address string, within Span, m *Message) Span
//
// is asked by that for the next stage's span, where within is the span that Stage would be
// asked of: so it learns the order of stages that stand beside each other.
type Span interface {
	// Stage begins a span within this one: the message has reached a stage.
	Stage(address string, m *Message) Span
	// Send begins a span within this one: the message is being sent. The headers go
	// with it, and say what the receiver's span belongs to.
	Send(to Place, m *Message) (Span, Headers)
	// Retry notes that the message failed, and is about to be tried again.
	Retry(attempt int, err error)
	// Settled ends a flow's span.
	Settled(how stats.Outcome, err error)
	// End ends any other. Only the first call counts.
	End(err error)
}

// A Place is where messages come from or go to, as traces name it.
type Place struct {
	// System is the broker's or adapter's kind: "rabbitmq", "http".
	System string
	// Kind is "queue", "topic", "adapter", or "reply" of a Return Address.
	Kind string
	// Name is the broker's own name of a channel, or an adapter's name.
	Name string
}

// trace is where a message is, in the flow that took it.
type trace struct {
	address string // of the flow or stage
	outer   *trace // nil: it is the flow
	span    Span   // nil: only the history is kept
	last    Span   // of a stepper: the one that it came from, out of a body; nil: span
	history *Clock // that stamps the Message History; nil: there is none
	// discreet, where set, makes of an error the one that a span ends with.
	discreet func(*Message, error) error
}

// follow begins to follow m, which the flow has taken; goesOn of what was made of a message
// that is followed, and has its history.
func (x *run) follow(m *Message, goesOn bool) *Message {
	c := *m
	c.trace = &trace{address: x.Name, discreet: x.Discreet}
	if x.History {
		c.trace.history = &x.Env.Clock
	}
	if x.History && !goesOn {
		c.Headers = passed(c.Headers, x.Name, x.Env.Clock.Now())
	}
	switch {
	case goesOn && m.trace.span != nil:
		c.trace.span = m.trace.span.Stage(x.Name, &c)
	case x.Env.Tracer != nil:
		c.trace.span = x.Env.Tracer.Receive(&c)
	}
	return &c
}

// arrive is what becomes of a message that is followed when it gets to a chainLink. A
// chainLink without address follows the last stage of a body. followed is the message
// where it has a span of the stage, which is to be ended.
func (l *chainLink) arrive(m *Message) (at, followed *Message) {
	t := m.trace.within(l.scope)
	c := *m
	last, steps := m.trace.where().(stepper)
	if l.address == "" {
		if c.trace = t; steps {
			out := *t
			out.last = m.trace.where()
			c.trace = &out
		}
		return &c, nil
	}
	c.trace = &trace{address: l.address, outer: t, history: t.history, discreet: t.discreet}
	if t.history != nil {
		c.Headers = passed(c.Headers, l.address, t.history.Now())
	}
	switch {
	case steps:
		c.trace.span = last.Step(l.address, t.span, &c)
		followed = &c
	case t.span != nil:
		c.trace.span = t.span.Stage(l.address, &c)
		followed = &c
	}
	return &c, followed
}

// stepper is a Span that is told of the next one beside it.
type stepper interface {
	Step(address string, within Span, m *Message) Span
}

// where is the span that a message was in last.
func (t *trace) where() Span {
	if t.last != nil {
		return t.last
	}
	return t.span
}

// within returns where a message is that goes on in the body of the given address,
// and ends the spans of the stages that it has left. So a stage's span is the
// stage's own time: what comes after it stands beside it, what is in its bodies
// within it.
func (t *trace) within(scope string) *trace {
	if scope == "" { // of stages without an address
		return t
	}
	for t.outer != nil {
		if inner, ok := strings.CutPrefix(scope, t.address); ok && (inner == "" || inner[0] == '.') {
			break
		}
		if t.span != nil {
			t.span.End(nil)
		}
		t = t.outer
	}
	return t
}

// scopeOf is the address of the body that a stage is in.
func scopeOf(address string) string {
	return address[:max(strings.LastIndexByte(address, '.'), 0)]
}

// Send hands m to h, which sends it to a place outside of the flow. Where m is
// followed that is a span, and m says so to whoever receives it.
func Send(ctx context.Context, h Handler, m *Message, to Place) error {
	t := m.trace
	if t == nil || t.span == nil {
		return h.Handle(ctx, m)
	}
	span, headers := t.where().Send(to, m)
	err := h.Handle(ctx, m.WithHeaders(headers))
	t.end(span, m, err)
	return err
}

// end ends a span of m.
func (t *trace) end(span Span, m *Message, err error) {
	if err != nil && t.discreet != nil {
		err = t.discreet(m, err)
	}
	span.End(err)
}

// returnAddress takes the replies to a message.
type returnAddress struct{ *Message }

func (a returnAddress) Handle(ctx context.Context, reply *Message) error {
	return a.replier.Reply(ctx, a.Message, reply)
}
