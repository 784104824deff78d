package eip

import (
	"context"
	"errors"
	"fmt"
)

// Chain makes one Handler of stages and what follows the last of them. Where
// nothing does, next is nil: then what an Ender at the end passes on is discarded,
// and anything else that comes so far is an error.
func Chain(stages []Stage, next Handler) Handler {
	if next == nil && ends(stages) {
		next = Discard
	}
	last, closing := &chainLink{}, endAt(next)
	h := Handler(last)
	for i := len(stages) - 1; i >= 0; i-- {
		l := &chainLink{stage: stages[i], next: h}
		if n, ok := l.stage.(*Named); ok {
			l.stage, l.address, l.named = n.Stage, n.Address, n
			l.scope = scopeOf(n.Address)
			last.scope, closing.body = l.scope, l.scope
		}
		h = l
	}
	last.stage = closing
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

// end hands over to what follows a chain.
type end struct {
	to     Handler
	copies int32 // 0: more stages follow
	body   string
}

func endAt(to Handler) end {
	switch to := to.(type) {
	case nil, *chainLink, discard:
		return end{to: to}
	case Multicast:
		e := end{to: to}
		for _, h := range to {
			if _, chained := h.(*chainLink); !chained { // whose end counts
				e.copies++
			}
		}
		return e
	}
	return end{to: to, copies: 1}
}

func (e end) Process(ctx context.Context, m *Message, _ Handler) error {
	if e.to == nil {
		return errFellOff
	}
	err := e.hand(ctx, m, e.to)
	if err == nil && e.copies > 0 && m.receipt != nil {
		m.receipt.sent.Add(e.copies)
	}
	return err
}

// hand hands m over. That what it leads to does not take it is no failure of the stage that
// came last.
func (e end) hand(ctx context.Context, m *Message, to Handler) (err error) {
	if all, ok := to.(Multicast); ok {
		for _, h := range all {
			if failed := e.hand(ctx, m, h); failed != nil {
				err = join(err, failed)
			}
		}
		return err
	}
	named, ok := to.(fmt.Stringer)
	if !ok {
		return to.Handle(ctx, m)
	}
	if err = handle(ctx, to, m); err != nil && addressOf(err) == "" {
		err = &StageError{Address: named.String(), Err: err, sent: true, body: e.body}
	}
	return err
}

var errFellOff = errors.New("the message fell off the end of a body that has no `to`")

// chainLink is one stage and what follows it.
type chainLink struct {
	stage   Stage
	next    Handler
	address string
	scope   string // address of the body
	named   *Named // counts; nil: nobody does
}

func (l *chainLink) Handle(ctx context.Context, m *Message) (err error) {
	var followed *Message
	if m.trace != nil {
		m, followed = l.arrive(m)
	}
	if l.next != nil && m.receipt != nil {
		m.receipt.unpark() // the stage may wait
	}
	v := l.enter(m)
	v.followed = followed
	defer l.leave(&v, &err)
	if n := l.named; n != nil && n.Before != nil {
		if err := n.Before(ctx, m); err != nil {
			return err
		}
	}
	return l.stage.Process(ctx, m, l.next)
}

// eachLink calls f for the links of a chain, outer ones before those in their bodies, but
// for the bodies that their stages keep open.
func eachLink(h Handler, f func(*chainLink) error) error {
	l, ok := h.(*chainLink)
	for ; ok && l.next != nil; l, ok = l.next.(*chainLink) {
		if err := f(l); err != nil {
			return err
		}
		n, nests := l.stage.(Nester)
		if !nests {
			continue
		}
		for _, p := range n.Nested() {
			if kept(p) {
				continue
			}
			if err := eachLink(p.before(l.next), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// addressOf returns the address of the innermost stage that failed.
func addressOf(err error) string {
	var s *StageError
	if errors.As(err, &s) {
		return s.Address
	}
	return ""
}
