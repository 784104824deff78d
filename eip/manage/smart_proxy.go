package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/rarely"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/stats"
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
	// Whether a request that waits longer than the timeout expires at the service, as
	// it is too late to answer it. One that expires sooner by itself still does.
	Expire bool `flow:"expire"`
	// What becomes of a reply when nobody is at its Return Address any more, as where
	// the caller's own time-out has passed: `drop` counts it as undeliverable,
	// `dead_letter` makes it a dead letter.
	Gone replies.GoneCaller `flow:"gone"`
	// The Correlation Identifiers that requests are given are signed with it; all
	// processes of the flow share it. Without it, that of the control bus.
	Secret string `flow:"secret"`
	// The stages that a reply passes on its way back.
	ReplyBody eip.Pipe `flow:"reply_body,body"`

	ledger  ledger
	address string
	seal    *seal
	shared  atomic.Pointer[returnPath] // of all processes; nil where the service has no channel
	own     atomic.Pointer[returnPath] // of this process
	log     *slog.Logger
	rarely  rarely.Log

	unmatched, undeliverable atomic.Int64
}

// NewSmartProxy returns a SmartProxy that waits 30 seconds for a reply.
func NewSmartProxy() *SmartProxy { return &SmartProxy{Timeout: 30 * time.Second, Gone: replies.Drop} }

// Validate checks the options.
func (p *SmartProxy) Validate() error {
	if p.Timeout <= 0 {
		return eip.OptionErrorf("timeout", "%v is no time to wait; give more than 0s", p.Timeout)
	}
	if replies.Several(p.Service) {
		return eip.OptionErrorf("service", "it is one channel or adapter, as each request has one reply")
	}
	if replies.Never(p.Service) {
		return eip.OptionErrorf("service", "nothing replies there; name a channel that a service reads, or an adapter that replies, like http and exec")
	}
	return p.Gone.Validate()
}

// Open opens the inboxes for replies.
func (p *SmartProxy) Open(ctx context.Context, env *eip.Env) error {
	p.address, p.log = env.Address, env.Log.With("stage", env.Address)
	p.seal = newSeal(env.Address, cmp.Or(p.Secret, env.Secret))
	p.ledger.changed, p.ledger.clock = p.tellTrouble, env.Clock
	p.ledger.open(p.Timeout)
	service, ok := p.Service.(eip.Inboxer)
	if !ok {
		return nil
	}
	_, name := p.Answers(env.Address)
	shared, err := p.listen(ctx, service, name, env, p.answer)
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

// Answers says which inbox all processes share.
func (p *SmartProxy) Answers(address string) ([]eip.Handler, string) {
	return []eip.Handler{p.Service}, address + ".replies"
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
	release := p.hold(m)
	request := m.With(func(q *eip.Message) {
		q.CorrelationID, q.ReplyTo = id, replyTo
		if m.ReplyTo != "" {
			transient(q)
		}
		if p.Expire && (q.Expiration == 0 || q.Expiration > p.Timeout) {
			q.Expiration = p.Timeout
		}
	}).WithReplier(p).Fork(func(err error) {
		if err != nil {
			p.ledger.fail(x)
		}
		release(err)
	})
	eip.Deliver(ctx, p.Service, request)
	m.Sent(1)
	return nil
}

// transient makes so a request or reply that says nothing of it: somebody waits for
// an answer, and asks again. Brokers take such a message much faster.
func transient(m *eip.Message) {
	if m.Delivery == eip.Unsaid {
		m.Delivery = eip.Transient
	}
}

// Nested returns the body that replies pass.
func (p *SmartProxy) Nested() []*eip.Pipe { return []*eip.Pipe{&p.ReplyBody} }

// Ends says that requests leave by the service.
func (p *SmartProxy) Ends() (last, passes bool) { return true, false }

// Busy reports whether replies are on their way back.
func (p *SmartProxy) Busy() bool { return p.shared.Load().busy() || p.own.Load().busy() }

// Stats returns what became of requests: each is one of replies, outstanding,
// timed_out and failed. late are those of timed_out whose reply came after all;
// foreign are replies to requests of other processes; unmatched are replies that
// were dropped, undeliverable those that no requestor took.
func (p *SmartProxy) Stats() stats.Own {
	counts := p.ledger.counts()
	maps.Copy(counts, map[string]int64{"unmatched": p.unmatched.Load(), "undeliverable": p.undeliverable.Load()})
	return stats.Own{Counts: counts, Gauges: []string{"outstanding"}, Times: map[string]*stats.Histogram{"round_trip": &p.ledger.roundTrips}}
}
