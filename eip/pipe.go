package eip

import (
	"context"
	"sync/atomic"
)

// A Pipe is a body: stages one after the other, optionally closed by To. A
// message that passes all stages goes to To; without one, to whatever follows the
// pipe. It is a Stage itself. A Pipe must not be copied after first use.
type Pipe struct {
	Stages []Stage
	To     Handler

	built  atomic.Pointer[chain]
	kept   atomic.Bool // by the stage that it is a body of
	opened []Closer
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

// before is the pipe's chain within a stage that next follows.
func (p *Pipe) before(next Handler) Handler {
	switch {
	case len(p.Stages) == 0:
		return nil
	case p.To != nil:
		next = p.To
	case ends(p.Stages):
		next = nil
	}
	return p.chain(next)
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
	case nil, *chainLink, discard:
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
