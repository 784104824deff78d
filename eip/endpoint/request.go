package endpoint

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/requestor"
)

func init() { eip.Stages.Add("request", func() eip.Stage { return NewRequest() }) }

// A Request asks a service, waits for its reply, and passes the message on with
// what the reply says. While it waits the message keeps its lane: give the flow
// concurrency. No reply in time is a failure, which the flow retries.
type Request struct {
	// The service: a queue that it reads, or an adapter that replies.
	To eip.Handler `flow:"to,required"`
	// How long to wait for the reply.
	Timeout time.Duration `flow:"timeout"`
	// The request's body. Without it, the message's.
	Body eip.Value `flow:"body"`
	// The message's new body, made of the old one and the reply's: it sees both as
	// body and reply. Without it, the reply's body takes the place of the message's.
	Merge eip.Merge `flow:"merge"`

	clock    eip.Clock
	replies  requestor.Requestor
	inbox    eip.Inbox // nil where the service replies to the message itself
	listener *replies.Listener

	requests, answered, timedOut, failed atomic.Int64
	roundTrips                           stats.Histogram
}

// noReplyWithin is an ErrNoReply.
type noReplyWithin time.Duration

func (d noReplyWithin) Error() string   { return fmt.Sprintf("no reply within %v", time.Duration(d)) }
func (noReplyWithin) Is(err error) bool { return err == ErrNoReply }

// NewRequest returns a Request that waits 30 seconds.
func NewRequest() *Request { return &Request{Timeout: 30 * time.Second} }

// Validate checks the options.
func (r *Request) Validate() error {
	if r.Timeout <= 0 {
		return eip.OptionErrorf("timeout", "%v is no time to wait; give more than 0s", r.Timeout)
	}
	if replies.Several(r.To) {
		return eip.OptionErrorf("to", "it is one channel or adapter, as each request has one reply")
	}
	if replies.Never(r.To) {
		return eip.OptionErrorf("to", "nothing replies there; name a channel that a service reads, or an adapter that replies, like http and exec")
	}
	return nil
}

// Open opens an inbox for the replies.
func (r *Request) Open(ctx context.Context, env *eip.Env) error {
	r.clock = env.Clock
	to, ok := r.To.(eip.Inboxer)
	if !ok {
		return nil
	}
	inbox, err := to.Inbox(ctx, "")
	if err != nil {
		return err
	}
	r.inbox = inbox
	r.listener = replies.Listen(inbox, env, &eip.Flow{To: &r.replies})
	return nil
}

// Close closes the inbox.
func (r *Request) Close(ctx context.Context) error { return r.listener.Close(ctx) }

// Pattern names what the stage is.
func (*Request) Pattern() string { return "Request-Reply" }

// Process asks the service, and passes m on with the answer.
func (r *Request) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	request := m
	if r.Body != nil {
		v, err := r.Body(ctx, m)
		if err != nil {
			return err
		}
		if request, err = m.WithValue(v, ""); err != nil {
			return err
		}
	}
	reply, err := r.ask(ctx, request)
	if err != nil {
		return err
	}
	m.Sent(1)
	answered := m.WithBody(reply.Body()).With(func(a *eip.Message) {
		a.ContentType, a.Encoding = reply.ContentType, reply.Encoding
	})
	if r.Merge != nil {
		v, err := r.Merge(ctx, m, reply)
		if err != nil {
			return err
		}
		if answered, err = m.WithValue(v, ""); err != nil {
			return err
		}
	}
	return next.Handle(ctx, answered)
}

// ask sends the request and waits for its reply.
func (r *Request) ask(ctx context.Context, m *eip.Message) (*eip.Message, error) {
	if err := r.listener.Err(); err != nil {
		return nil, fmt.Errorf("replies cannot be received: %w", err)
	}
	waiting, cancel := r.clock.WithTimeout(ctx, r.Timeout)
	defer cancel()
	r.requests.Add(1)
	sent := r.clock.Now()
	reply, err := r.replies.Ask(waiting, r.To, m.With(func(q *eip.Message) {
		id := eip.NewID()
		q.ID, q.CorrelationID, q.ReplyTo = id, id, ""
		if r.inbox != nil {
			q.ReplyTo = r.inbox.Address()
		}
	}))
	if err == nil {
		err = refusal(reply)
	}
	switch {
	case err == nil:
		r.roundTrips.Record(r.clock.Since(sent))
		r.answered.Add(1)
		return reply, nil
	case err == requestor.ErrOver && ctx.Err() == nil:
		r.timedOut.Add(1)
		return nil, noReplyWithin(r.Timeout)
	case err == requestor.ErrOver:
		err = ctx.Err()
	}
	r.failed.Add(1)
	return nil, err
}

// Stats returns what became of the requests. Each is one of replies, timed_out,
// failed and outstanding; unmatched are replies that nobody waited for.
func (r *Request) Stats() stats.Own {
	replies, timedOut, failed := r.answered.Load(), r.timedOut.Load(), r.failed.Load()
	requests := r.requests.Load() // after what became of them
	counts := map[string]int64{"requests": requests, "replies": replies, "outstanding": requests - replies - timedOut - failed,
		"timed_out": timedOut, "failed": failed, "unmatched": r.replies.Unmatched.Load()}
	return stats.Own{Counts: counts, Gauges: []string{"outstanding"}, Times: map[string]*stats.Histogram{"round_trip": &r.roundTrips}}
}
