package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
)

// Listening is how a Peer listens to a channel.
type Listening struct {
	// Channel is a durable queue of the name that Listen is given, which is declared. A
	// topic needs the Subscription's Name too.
	Channel broker.Channel
	// Subscription says what is read of a topic. Its Prefetch is twice the Concurrency, so
	// that processes that compete for a queue share the work.
	Subscription broker.Subscription
	// Concurrency is how many requests are worked on at once; 1, unless it is given.
	Concurrency int
	// DeadLetter takes what failed for good and cannot be answered. nil: it is logged,
	// counted and dropped.
	DeadLetter eip.Handler
	// Block has Listen return when it has ended.
	Block bool
}

// finishing is how long a handler may finish what it has begun.
const finishing = 10 * time.Second

// Listen gives what comes to a queue to a handler, which answers by Reply, until ctx or
// the Peer ends. It returns when it listens. Where the handler returns an error, or
// panics, a request is answered with what [ErrorReply] makes of it; what cannot be
// answered is tried three times. A request that has expired is not begun.
func (p *Peer) Listen(ctx context.Context, queue string, h eip.Handler, opts ...func(*Listening)) error {
	l := Listening{Channel: broker.Channel{Address: queue, Durable: true, Declare: true}, Concurrency: 1}
	for _, o := range opts {
		o(&l)
	}
	if l.Subscription.Prefetch == 0 {
		l.Subscription.Prefetch = 2 * max(l.Concurrency, 1)
	}
	if err := p.broker.Capabilities().Check(l.Channel, &l.Subscription); err != nil {
		return fmt.Errorf("listen to %s: %w", queue, eip.Permanent(err))
	}
	src, err := p.broker.Source(ctx, l.Channel, l.Subscription)
	if err != nil {
		return fmt.Errorf("listen to %s: %w", queue, err)
	}
	s := &service{peer: p, handler: h, log: p.env.Log.With(slog.String("queue", queue)), next: l.DeadLetter}
	f := &eip.Flow{Name: queue, Source: src, To: s, Concurrency: l.Concurrency, Window: l.Subscription.Prefetch, Grace: finishing,
		DeadLetter: eip.HandlerFunc(s.giveUp), Env: p.env}
	run := func() error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(p.ctx, stop)()
		if err := errors.Join(f.Run(ctx), src.Close()); err != nil {
			return fmt.Errorf("listen to %s: %w", queue, err)
		}
		return nil
	}
	p.mu.Lock()
	if p.ctx.Err() != nil {
		p.mu.Unlock()
		return errors.Join(fmt.Errorf("listen to %s: %w", queue, eip.ErrClosed), src.Close())
	}
	ended := make(chan error, 1)
	p.work.Go(func() {
		err := run()
		ended <- err
		if err != nil && !l.Block {
			s.log.Error("it is no longer listened", slog.Any("error", err))
			p.mu.Lock()
			p.ended = append(p.ended, err)
			p.mu.Unlock()
		}
	})
	p.mu.Unlock()
	if l.Block {
		return <-ended
	}
	return nil
}

// Reply answers a request, in a handler. A reply whose caller has gone is counted, and is
// no error.
func (p *Peer) Reply(ctx context.Context, request, reply *eip.Message) error {
	return request.Reply(ctx, reply)
}

// Handle makes a handler of a function, in JSON: a request's body becomes a Req, and what
// the function returns is the body of the reply. A body that is no Req is answered with
// CodeInvalid.
func Handle[Req, Resp any](f func(ctx context.Context, in Req) (Resp, error)) eip.Handler {
	return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		var in Req
		if err := json.Unmarshal(m.Body(), &in); err != nil {
			return eip.Invalid(&ServiceError{CodeInvalid, "read the request: " + err.Error()})
		}
		out, err := f(ctx, in)
		if err != nil || !answerable(m) {
			return err
		}
		body, err := json.Marshal(out)
		if err != nil {
			return fmt.Errorf("write the reply: %w", err)
		}
		return m.Reply(ctx, inJSON(body))
	})
}

func answerable(m *eip.Message) bool { return m.Replier() != nil && m.ReplyTo != "" }

// service is a handler that answers for what goes wrong.
type service struct {
	peer    *Peer
	handler eip.Handler
	log     *slog.Logger
	next    eip.Handler // of what failed; nil: nobody
}

func (s *service) Handle(ctx context.Context, m *eip.Message) error {
	if !answerable(m) {
		return s.handler.Handle(ctx, m)
	}
	c := &caller{Replier: m.Replier(), service: s}
	m = m.WithReplier(c).Without(header.ErrorCode) // a reply made of m is no error reply
	m.Forgive(s.lacksCaller)                       // whether somebody is there may show only later
	err := guarded(ctx, s.handler, m)
	if err == nil {
		return nil
	}
	s.peer.mail.count("failed")
	if c.replied.Load() {
		s.log.Warn("a request failed after its reply had gone out", slog.Any("error", err), slog.String("id", m.ID))
		return nil
	}
	if told := (*ServiceError)(nil); !errors.As(err, &told) { // which says all to the caller
		s.log.Warn("a request failed, and its caller is told so", slog.Any("error", err), slog.String("id", m.ID))
	}
	return m.Reply(ctx, ErrorReply(err))
}

// A caller takes the replies to a request.
type caller struct {
	eip.Replier
	service *service
	replied atomic.Bool
}

func (c *caller) Reply(ctx context.Context, request, reply *eip.Message) error {
	err := c.service.lacksCaller(c.Replier.Reply(ctx, request, reply.With(func(m *eip.Message) {
		m.ID, m.Timestamp, m.Expiration = eip.NewID(), c.service.peer.env.Clock.Now(), 0
	})))
	if err == nil {
		c.replied.Store(true)
	}
	return err
}

// lacksCaller counts the reply to a caller who has gone, and returns other errors.
func (s *service) lacksCaller(err error) error {
	if !eip.IsGone(err) {
		return err
	}
	s.peer.mail.count("gone")
	return nil
}

// giveUp is where what failed for good goes.
func (s *service) giveUp(ctx context.Context, m *eip.Message) error {
	s.peer.mail.count("failed")
	if s.next != nil {
		return s.next.Handle(ctx, m)
	}
	s.log.Error("a message failed, and is dropped", slog.String("id", m.ID))
	return nil
}

// guarded makes an error of a panic.
func guarded(ctx context.Context, h eip.Handler, m *eip.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return h.Handle(ctx, m)
}
