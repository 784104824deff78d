// Package inner is for stages that go on with what comes out of the stages in them.
package inner

import (
	"context"
	"errors"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/settle"
)

var (
	// ErrTwo is why a body fails out of which a second message comes.
	ErrTwo    = errors.New("two messages have come of one; an aggregator gathers such")
	errOther  = errors.New("a message has come that a stage made; only the one that went in may come out")
	errLate   = errors.New("the message has come out when nobody waited for it any more")
	errNobody = errors.New("the message has come out where nobody waits for it")
)

type taker struct{}

// end follows all bodies, so that each of them is chained to it once. What comes to it is
// not sent, as to a Handler: it goes on.
var end = eip.Chain([]eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	take, ok := ctx.Value(taker{}).(eip.HandlerFunc)
	if !ok {
		return eip.Invalid(errNobody)
	}
	return take(ctx, m)
})}, eip.Discard)

// Process passes m through a body. take is given what comes out of it.
func Process(ctx context.Context, body *eip.Pipe, m *eip.Message, take eip.HandlerFunc) error {
	return body.Process(context.WithValue(ctx, taker{}, take), m, end)
}

// Pass passes m through a body, and returns what it has become; nil where it ended there.
func Pass(ctx context.Context, body *eip.Pipe, m *eip.Message) (*eip.Message, error) {
	o := &one{of: settle.Identity(m)}
	return o.result(Process(ctx, body, m, o.take))
}

// Ask passes a copy of m through a body, and returns what has come of it, once it is done
// with; nil where nothing has. What becomes of the copy is no part of what becomes of m.
func Ask(ctx context.Context, body *eip.Pipe, m *eip.Message) (*eip.Message, error) {
	o := &one{}
	return o.result(eip.Await(ctx, eip.HandlerFunc(func(ctx context.Context, c *eip.Message) error {
		o.of = settle.Identity(c)
		return Process(ctx, body, c, o.take)
	}), m))
}

// one takes one message.
type one struct {
	of any // identity of the message that went in

	mu      sync.Mutex
	message *eip.Message
	wrong   error
	over    bool
}

// result is what was taken, unless it failed.
func (o *one) result(err error) (*eip.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over = true; err == nil {
		err = o.wrong
	}
	if err != nil {
		return nil, err
	}
	return o.message, nil
}

func (o *one) take(_ context.Context, m *eip.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.over:
		return errLate
	case settle.Identity(m) != o.of:
		o.wrong = eip.Invalid(errOther)
	case o.message != nil:
		o.wrong = eip.Invalid(ErrTwo)
	default:
		o.message = m
	}
	return o.wrong
}

// Mixes returns the address of a stage in a body of which other messages come than the one
// that went in; "" where there is none.
func Mixes(body *eip.Pipe) string {
	for n, s := range eip.Walk(body.Stages) {
		switch {
		case !mixes(s):
		case n == nil:
			return "a stage"
		default:
			return n.Address
		}
	}
	return ""
}

func mixes(s eip.Stage) bool {
	switch s := s.(type) {
	case interface{ Mixes() bool }:
		return s.Mixes()
	case interface{ Makes() bool }:
		return s.Makes()
	}
	_, finishes := s.(eip.Finisher)
	return finishes
}
