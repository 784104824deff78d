package eip

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
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
		return end{next}.Process(ctx, m, nil)
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
	h := Handler(&link{stage: end{next}})
	for i := len(stages) - 1; i >= 0; i-- {
		l := &link{stage: stages[i], next: h}
		if n, ok := l.stage.(*Named); ok {
			l.stage, l.address = n.Stage, n.Address
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
	return ok && e.Ends()
}

// Named gives a stage its address, which errors, logs and statistics use. Chain
// unwraps it.
type Named struct {
	Address string
	Stage
}

// end hands over to what follows a chain.
type end struct{ to Handler }

func (e end) Process(ctx context.Context, m *Message, _ Handler) error {
	if e.to == nil {
		return errFellOff
	}
	return e.to.Handle(ctx, m)
}

var errFellOff = errors.New("the message fell off the end of a body that has no `to`")

// link is one stage and what follows it.
type link struct {
	stage   Stage
	next    Handler
	address string
}

func (l *link) Handle(ctx context.Context, m *Message) (err error) {
	defer l.failed(&err)
	return l.stage.Process(ctx, m, l.next)
}

// failed turns a panic into an error, and gives an error the stage's address.
func (l *link) failed(err *error) {
	if p := recover(); p != nil {
		*err = &panicked{p, debug.Stack()}
	}
	if *err != nil && l.address != "" {
		*err = at(l.address, *err)
	}
}

// at adds the address of the innermost stage that failed.
func at(address string, err error) error {
	var s *StageError
	if errors.As(err, &s) {
		return err
	}
	return &StageError{Address: address, Err: err}
}
