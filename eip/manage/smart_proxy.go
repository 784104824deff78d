package manage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
)

func init() { eip.Stages.Add("smart_proxy", func() eip.Stage { return NewSmartProxy() }) }

// A SmartProxy stands before a service that answers to Return Addresses. It keeps
// each requestor's address and Correlation Identifier, puts its own, and brings
// the service's reply back under the original ones, so that every request can be
// followed and measured, and neither side knows.
//
// What it must remember travels in the Correlation Identifier that it makes, and
// replies come to an inbox that all processes of the flow share: any of them
// brings any reply back, also after a restart. A request whose Return Address is
// on another broker, or none of a broker's (an HTTP request), or too long to
// travel, is kept by the process instead, and stays unsettled until its reply is
// delivered.
type SmartProxy struct {
	// The service's channel, or an adapter that replies.
	Service eip.Handler `flow:"service,required"`
	// How long a request is outstanding before it counts as timed out. A reply that
	// comes later is still brought back.
	Timeout time.Duration `flow:"timeout"`
	// The stages that a reply passes on its way back.
	ReplyBody eip.Pipe `flow:"reply_body,body"`

	ledger  ledger
	address string
	shared  atomic.Pointer[returnPath] // of all processes; nil where the service has no channel
	own     atomic.Pointer[returnPath] // of this process
	log     *slog.Logger
	rarely  rarely

	unmatched, undeliverable atomic.Int64
}

// NewSmartProxy returns a SmartProxy that waits 30 seconds for a reply.
func NewSmartProxy() *SmartProxy { return &SmartProxy{Timeout: 30 * time.Second} }

// Validate checks the options.
func (p *SmartProxy) Validate() error {
	if p.Timeout <= 0 {
		return eip.OptionErrorf("timeout", "%v is no time to wait; give more than 0s", p.Timeout)
	}
	if eip.Several(p.Service) {
		return eip.OptionErrorf("service", "it is one channel or adapter, as each request has one reply")
	}
	return nil
}

// Open opens the inboxes for replies.
func (p *SmartProxy) Open(ctx context.Context, env *eip.Env) error {
	p.address, p.log = env.Address, env.Log.With("stage", env.Address)
	p.ledger.open(p.Timeout)
	service, ok := p.Service.(eip.Inboxer)
	if !ok {
		return nil
	}
	shared, err := p.listen(ctx, service, env.Address+".replies", env, p.answer)
	if err != nil {
		return err
	}
	own, err := p.listen(ctx, service, "", env, p.hear)
	if err != nil {
		return errors.Join(err, shared.close(ctx))
	}
	p.shared.Store(shared)
	p.own.Store(own)
	return nil
}

// Close closes the inboxes. Replies that come later wait for the next process; a
// request that this one keeps is given back to its source.
func (p *SmartProxy) Close(ctx context.Context) error {
	err := errors.Join(p.shared.Load().close(ctx), p.own.Load().close(ctx))
	p.ledger.close()
	return err
}

// Process forwards a request to the service.
func (p *SmartProxy) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	shared, own := p.shared.Load(), p.own.Load()
	if err := errors.Join(shared.err(), own.err()); err != nil {
		return fmt.Errorf("replies cannot be received: %w", err)
	}
	x, id := p.begin(ctx, m)
	replyTo := shared.address()
	if x.kept {
		replyTo = own.address()
	}
	release := m.Hold()
	request := m.With(func(q *eip.Message) { q.CorrelationID, q.ReplyTo = id, replyTo }).WithReplier(p).Fork(func(err error) {
		if err != nil {
			p.ledger.fail(x)
			err = &eip.StageError{Address: p.address, Err: err}
		}
		release(err)
	})
	eip.Deliver(ctx, p.Service, request)
	return nil
}

// begin enters a request in the ledger, and makes the Correlation Identifier that
// it goes to the service with.
func (p *SmartProxy) begin(ctx context.Context, m *eip.Message) (*exchange, string) {
	c := p.ledger.number()
	shared := p.shared.Load()
	answers := m.ReplyTo != "" && shared != nil && (m.Replier() == nil || shared.inbox.Answers(m))
	switch {
	case answers && m.Replier() != nil:
		c.kind, c.replyTo, c.id = travels, m.ReplyTo, identity(m)
	case answers || m.Replier() != nil:
		c.kind = kept
	default:
		c.kind = unwatched
	}
	c.peer = p.own.Load().address()
	for {
		id, fits := c.encode(p.address)
		switch {
		case fits && c.kind == kept:
			return p.ledger.keep(ctx, c, m), id
		case fits:
			return p.ledger.watch(c), id
		case c.peer != "":
			c.peer = ""
		default:
			c.kind = kept // which always fits
		}
	}
}

// Nested returns the body that replies pass.
func (p *SmartProxy) Nested() []*eip.Pipe { return []*eip.Pipe{&p.ReplyBody} }

// Ends says that requests leave by the service.
func (p *SmartProxy) Ends() bool { return true }

// Busy reports whether replies are on their way back.
func (p *SmartProxy) Busy() bool { return p.shared.Load().busy() || p.own.Load().busy() }
