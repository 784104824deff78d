package eip

import (
	"context"
	"runtime/debug"
)

// A Handler takes responsibility for m, or returns an error. It may return before
// its work is done, and then holds m until it is. Handlers are safe for
// concurrent use. A Handler that is slow blocks, and so slows the source.
type Handler interface {
	Handle(ctx context.Context, m *Message) error
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(ctx context.Context, m *Message) error

func (f HandlerFunc) Handle(ctx context.Context, m *Message) error { return f(ctx, m) }

// Discard is the Handler that ends a message on purpose.
var Discard Handler = discard{}

type discard struct{}

func (discard) Handle(context.Context, *Message) error { return nil }

// A Stage is one filter of the Pipes and Filters style. It works on m and passes
// what comes of it to next: not at all, once or many times. See the package's
// documentation for its contract.
type Stage interface {
	Process(ctx context.Context, m *Message, next Handler) error
}

// StageFunc makes a Stage of a function.
type StageFunc func(ctx context.Context, m *Message, next Handler) error

func (f StageFunc) Process(ctx context.Context, m *Message, next Handler) error {
	return f(ctx, m, next)
}

// A Source yields messages in order. Receive blocks until there is one or the
// context ends. io.EOF says that no more will come. A message that came but
// cannot be read is returned together with an [Invalid] error. Any other error
// ends the flow that reads the source. Only one goroutine calls Receive.
type Source interface {
	Receive(ctx context.Context) (*Message, error)
}

// Deliver hands m to h and gives up the reference that m was made with, so that m
// settles when all that hold it have released it. A panic in h fails m. Every
// message that New or Fork made must be delivered exactly once.
func Deliver(ctx context.Context, h Handler, m *Message) {
	r := m.receipt
	r.calls.Add(1)
	r.release(handle(ctx, h, m))
	r.returns()
}

// Settle gives up the reference that m was made with, where nobody is to handle m: it
// settles with err, or as one that is done with.
func (m *Message) Settle(err error) { m.receipt.release(err) }

// Await delivers a fork of m to h and waits until it has settled. It returns the
// error it settled with, or the context's if that ends first; the fork may then
// still be under way. Retries, requests and tests are made of it.
func Await(ctx context.Context, h Handler, m *Message) error {
	done := make(chan error, 1)
	Deliver(ctx, h, m.Fork(func(err error) { done <- err }))
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		select {
		case err := <-done:
			return err
		default:
			return ctx.Err()
		}
	}
}

func handle(ctx context.Context, h Handler, m *Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{p, debug.Stack()}
		}
	}()
	return h.Handle(ctx, m)
}

// Multicast hands each message to every handler in turn: all of them must accept
// it. A message that one of them refused is still handed to the others, so a
// retry may double what the others took; delivery is at least once.
type Multicast []Handler

func (h Multicast) Handle(ctx context.Context, m *Message) error {
	var all error
	for _, to := range h {
		if err := to.Handle(ctx, m); err != nil {
			all = join(all, err)
		}
	}
	return all
}

// A Target is a Handler and the name that a flow file knows it by.
type Target struct {
	Name string
	Handler
}
