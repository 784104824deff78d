package manage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/replies"
)

// A returnPath is an inbox and what listens to it; nil where the service has no
// channel.
type returnPath struct {
	inbox    eip.Inbox
	listener *replies.Listener
}

// takeReply does something about a reply. inbox is where others are reached from.
type takeReply func(ctx context.Context, reply *eip.Message, inbox eip.Inbox) error

// listen opens an inbox. What comes in is a flow of its own: a reply that cannot be
// delivered is tried again, and at last goes where the flow's dead letters go.
func (p *SmartProxy) listen(ctx context.Context, service eip.Inboxer, name string, env *eip.Env, take takeReply) (*returnPath, error) {
	inbox, err := service.Inbox(ctx, name)
	if err != nil {
		return nil, err
	}
	f := &eip.Flow{To: eip.HandlerFunc(func(ctx context.Context, reply *eip.Message) error { return take(ctx, reply, inbox) }),
		DeadLetter: p.lastResort(env.DeadLetter), Invalid: p.lastResort(env.Invalid)}
	return &returnPath{inbox, replies.Listen(inbox, env, f)}, nil
}

func (p *SmartProxy) lastResort(h eip.Handler) eip.Handler {
	return eip.HandlerFunc(func(ctx context.Context, reply *eip.Message) error {
		if h != nil {
			if err := h.Handle(ctx, reply); err != nil {
				return err
			}
		}
		p.undeliverable.Add(1)
		return nil
	})
}

func (r *returnPath) close(ctx context.Context) error {
	if r == nil {
		return nil
	}
	return r.listener.Close(ctx)
}

func (r *returnPath) err() error {
	if r == nil {
		return nil
	}
	return r.listener.Err()
}

func (r *returnPath) busy() bool { return r != nil && r.listener.Busy() }

func (r *returnPath) address() string {
	if r == nil {
		return ""
	}
	return r.inbox.Address()
}

// Reply takes a reply that a service gives to the request itself.
func (p *SmartProxy) Reply(ctx context.Context, _, reply *eip.Message) error {
	var inbox eip.Inbox
	if shared := p.shared.Load(); shared != nil {
		inbox = shared.inbox
	}
	return p.answer(ctx, reply, inbox)
}

// answer brings a reply back. The reply is settled when its requestor has it.
func (p *SmartProxy) answer(ctx context.Context, reply *eip.Message, inbox eip.Inbox) error {
	c, err := p.seal.decode(reply.CorrelationID)
	if err != nil {
		p.unmatch(reply, err)
		return nil
	}
	p.ledger.hear()
	x := p.ledger.claim(c)
	if x == nil {
		p.unmatch(reply, errNobodyWaits)
		return nil
	}
	if x.kept {
		c.replyTo, c.id = x.request.ReplyTo, identity(x.request)
	}
	release := reply.Hold()
	back := reply.With(func(r *eip.Message) {
		r.CorrelationID, r.ReplyTo = c.id, ""
		transient(r)
	}).WithReplier(nil).Fork(func(err error) {
		if p.Gone.Drops(err) {
			p.undeliverable.Add(1)
			p.rarely.Warn(p.log, "a caller has gone, its reply is dropped", slog.String("correlation_id", c.id), slog.Any("error", err))
			err = nil
		}
		p.ledger.finish(x, err)
		if err != nil || !x.foreign() {
			release(err)
			return
		}
		go p.tell(ctx, x, sendTo(inbox, c.peer), reply.CorrelationID, release)
	})
	to := p.requestor(x, c, inbox)
	eip.Deliver(ctx, eip.HandlerFunc(func(ctx context.Context, r *eip.Message) error {
		return p.ReplyBody.Process(ctx, r, to)
	}), back)
	return nil
}

var errNobodyWaits = errors.New("it was answered already, or is not known here")

func (p *SmartProxy) unmatch(reply *eip.Message, why error) {
	p.unmatched.Add(1)
	p.rarely.Warn(p.log, "a reply matches no request and is dropped", slog.Any("error", why),
		slog.String("correlation_id", reply.CorrelationID), slog.String("channel", reply.Channel))
}

// requestor is where the reply to an exchange goes.
func (p *SmartProxy) requestor(x *exchange, c correlation, inbox eip.Inbox) eip.Handler {
	switch {
	case c.kind == unwatched:
		return eip.Discard
	case !x.kept || x.request.Replier() == nil:
		to := sendTo(inbox, c.replyTo)
		return eip.HandlerFunc(func(ctx context.Context, r *eip.Message) error {
			// Whatever the reply has passed, it arrives under the name it was asked by.
			return to.Handle(ctx, r.With(func(r *eip.Message) { r.CorrelationID, r.ReplyTo = c.id, "" }))
		})
	}
	return eip.HandlerFunc(func(ctx context.Context, r *eip.Message) error {
		eip.Deliver(ctx, eip.HandlerFunc(func(ctx context.Context, request *eip.Message) error {
			return request.Reply(ctx, r)
		}), x.request.Fork(r.Hold()))
		return nil
	})
}

// tell lets the process that forwarded a request know that it was answered, so
// that it does not take it for timed out. Where that process is gone nobody else
// has measured the round trip.
func (p *SmartProxy) tell(ctx context.Context, x *exchange, peer eip.Handler, id string, release func(error)) {
	note := eip.New(nil, func(err error) {
		if err != nil {
			p.ledger.roundTrips.Record(x.arrived.Sub(x.sent))
		}
		release(nil)
	})
	eip.Deliver(ctx, peer, note.With(func(n *eip.Message) { n.CorrelationID = id }))
}

// sendTo is the sending side of an address.
func sendTo(inbox eip.Inbox, address string) eip.Handler {
	return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		if address == "" {
			return eip.Permanent(eip.ErrNoReturnAddress)
		}
		return eip.Send(ctx, eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
			return inbox.SendTo(ctx, address, m)
		}), m, eip.Place{Kind: "reply", Name: address})
	})
}

// hear takes what comes to this process alone: replies to requests that it keeps,
// and word of replies that another process has delivered.
func (p *SmartProxy) hear(ctx context.Context, reply *eip.Message, inbox eip.Inbox) error {
	c, err := p.seal.decode(reply.CorrelationID)
	if err != nil || c.kind == kept || !p.ledger.owns(c) {
		return p.answer(ctx, reply, inbox)
	}
	if x := p.ledger.claim(c); x != nil {
		p.ledger.finish(x, nil)
	}
	return nil
}

// Trouble says that the service does not answer; nil where it does.
func (p *SmartProxy) Trouble() error {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	switch l := &p.ledger; {
	case !l.silent:
		return nil
	case l.heard.IsZero():
		return fmt.Errorf("%s: the service has not answered yet", p.address)
	default:
		return fmt.Errorf("%s: the service has not answered since %s", p.address, l.heard.UTC().Format(time.RFC3339))
	}
}

func (p *SmartProxy) tellTrouble() {
	if why := p.Trouble(); why != nil {
		p.log.Warn("the service does not answer", slog.Any("why", why))
	} else {
		p.log.Info("the service answers again")
	}
}
