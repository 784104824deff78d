package eip

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/eipd/eipd/eip/stats"
)

// A Pipe is a body: stages one after the other, optionally closed by To. A
// message that passes all stages goes to To; without one, to whatever follows the
// pipe. It is a Stage itself. A Pipe must not be copied after first use.
type Pipe struct {
	Stages []Stage
	To     Handler

	built atomic.Pointer[chain]
}

// Process passes m through the pipe, and then to To or next. Where next is nil
// nothing follows the pipe, and it must be closed by To or end with an [Ender].
func (p *Pipe) Process(ctx context.Context, m *Message, next Handler) error {
	if p.To != nil {
		next = p.To
	}
	if len(p.Stages) == 0 {
		return endAt(next).Process(ctx, m, nil)
	}
	return p.chain(next).Handle(ctx, m)
}

type chain struct {
	next Handler
	head Handler
}

// chain builds the calls once for each place the pipe stands in: a stage is
// always given the same next by the chain around it, which is a pointer and so
// may be compared. Anything else (a HandlerFunc of a test) is built anew.
func (p *Pipe) chain(next Handler) Handler {
	lasting := p.To != nil
	switch next.(type) {
	case nil, *link, discard:
		lasting = true
	}
	if !lasting {
		return Chain(p.Stages, next)
	}
	if c := p.built.Load(); c != nil && (p.To != nil || c.next == next) {
		return c.head
	}
	c := &chain{next, Chain(p.Stages, next)}
	p.built.Store(c)
	return c.head
}

// Chain makes one Handler of stages and what follows the last of them. Where
// nothing does, next is nil: then what an Ender at the end passes on is discarded,
// and anything else that comes so far is an error.
func Chain(stages []Stage, next Handler) Handler {
	if next == nil && ends(stages) {
		next = Discard
	}
	last := &link{stage: endAt(next)}
	h := Handler(last)
	for i := len(stages) - 1; i >= 0; i-- {
		l := &link{stage: stages[i], next: h}
		if n, ok := l.stage.(*Named); ok {
			l.stage, l.address, l.named = n.Stage, n.Address, n
			l.scope = scopeOf(n.Address)
			last.scope = l.scope
		}
		h = l
	}
	return h
}

func ends(stages []Stage) bool {
	if len(stages) == 0 {
		return false
	}
	last := stages[len(stages)-1]
	if n, ok := last.(*Named); ok {
		last = n.Stage
	}
	e, ok := last.(Ender)
	if !ok {
		return false
	}
	ends, _ := e.Ends()
	return ends
}

// Named gives a stage its address, which errors and logs use, and counts what
// passes. Chain unwraps it. A Named must not be copied after first use.
type Named struct {
	Address string
	Stage

	slot    int // within its flow
	tallies tallies
	watch   watch
}

func (n *Named) address() string {
	if n == nil {
		return ""
	}
	return n.Address
}

// numberStages gives each stage of a flow its slot.
func numberStages(stages []Stage) {
	slot := 0
	for n := range Walk(stages) {
		if n != nil {
			n.slot = slot
			slot++
		}
	}
}

// Counts returns what became of the messages that the stage received, and of Test
// Messages apart from them.
func (n *Named) Counts() (business, tests stats.Counts) {
	return n.tallies.business.counts(), n.tallies.tests.counts()
}

// Latency returns how long the stage itself took for a message, without what
// follows it.
func (n *Named) Latency() *stats.Histogram { return &n.tallies.latency }

// end hands over to what follows a chain.
type end struct {
	to     Handler
	copies int32 // 0: more stages follow
}

func endAt(to Handler) end {
	switch to := to.(type) {
	case nil, *link, discard:
		return end{to: to}
	case Multicast:
		return end{to, int32(len(to))}
	}
	return end{to, 1}
}

func (e end) Process(ctx context.Context, m *Message, _ Handler) error {
	if e.to == nil {
		return errFellOff
	}
	err := e.to.Handle(ctx, m)
	if err == nil && e.copies > 0 && m.receipt != nil {
		m.receipt.sent.Add(e.copies)
	}
	return err
}

var errFellOff = errors.New("the message fell off the end of a body that has no `to`")

// link is one stage and what follows it.
type link struct {
	stage   Stage
	next    Handler
	address string
	scope   string // address of the body
	named   *Named // counts; nil: nobody does
}

func (l *link) Handle(ctx context.Context, m *Message) (err error) {
	var span Span
	if m.trace != nil {
		m, span = l.reach(m)
	}
	v := l.enter(m)
	v.span = span
	defer l.leave(&v, &err)
	return l.stage.Process(ctx, m, l.next)
}

// addressOf returns the address of the innermost stage that failed.
func addressOf(err error) string {
	var s *StageError
	if errors.As(err, &s) {
		return s.Address
	}
	return ""
}
