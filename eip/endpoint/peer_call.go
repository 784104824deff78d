package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Errors of Call, Receive and Collect, beside ServiceError, one that eip.IsGone knows
// (there is no such queue), and that of a context that was cancelled.
var (
	// ErrNoReply is that none came in time. The request may still be worked on.
	ErrNoReply = errors.New("there was no reply in time")
	// ErrLost is that the broker was lost while a call waited. The request may have been
	// worked on.
	ErrLost = broker.ErrLost
)

const callTime = time.Second // of what has no time of its own

// An ID is the Correlation Identifier that Send returns.
type ID string

// Call asks the service at a queue and returns its reply. It waits for the time of ctx; a
// second, where that has none. The reply is the confirmation: the request is not written
// to disk, and expires in the queue when the call is over. Of an error reply it returns
// both the reply and a *ServiceError.
func (p *Peer) Call(ctx context.Context, queue string, m *eip.Message) (*eip.Message, error) {
	ctx, left, cancel := p.limit(ctx)
	defer cancel()
	q, err := p.mail.ask(byCall, 1)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", queue, err)
	}
	if err := p.request(ctx, queue, q, left, m); err != nil {
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) { // the broker is away, or takes nothing
			err = fmt.Errorf("%w: %w", ErrNoReply, err)
		}
		p.mail.end(q, err)
	}
	if err := p.await(ctx, q); err != nil {
		return nil, fmt.Errorf("call %s: %w", queue, err)
	}
	return q.replies[0], ReplyError(q.replies[0])
}

// limit gives what has no time to end a second.
func (p *Peer) limit(ctx context.Context) (context.Context, time.Duration, context.CancelFunc) {
	if until, ok := ctx.Deadline(); ok {
		return ctx, p.env.Clock.Until(until), func() {}
	}
	ctx, cancel := p.env.Clock.WithTimeout(ctx, callTime)
	return ctx, callTime, cancel
}

// request sends the request of a call.
func (p *Peer) request(ctx context.Context, queue string, q *question, left time.Duration, m *eip.Message) error {
	m = m.With(func(m *eip.Message) {
		m.ID, m.CorrelationID, m.Timestamp, m.Delivery, m.Expiration = q.id, q.id, p.env.Clock.Now(), eip.Transient, max(left, time.Millisecond)
	})
	if p.calls != nil {
		return p.calls.Call(ctx, queue, m)
	}
	address, err := p.address(ctx)
	if err != nil {
		return err
	}
	eip.Deliver(ctx, p.to(queue), m.Fork(func(err error) {
		if err != nil {
			p.mail.end(q, err)
		}
	}).With(func(m *eip.Message) { m.ReplyTo = address }))
	return nil
}

// to is the sending side of a queue, which must exist.
func (p *Peer) to(queue string) eip.Handler {
	return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return p.broker.SendTo(ctx, queue, m) })
}

// await waits for the end of a question, and ends it with ctx.
func (p *Peer) await(ctx context.Context, q *question) error {
	select {
	case <-q.done:
	case <-ctx.Done():
		p.mail.end(q, over(ctx)) // unless it has its reply
		<-q.done
	}
	return q.err
}

// over is the error of what a context has ended.
func over(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrNoReply, cause)
	}
	return ctx.Err()
}

// Send sends a request to the service at a queue, and returns its identifier when the
// broker has it; on disk, where the queue is durable. Receive gives the reply, if one
// comes.
func (p *Peer) Send(ctx context.Context, queue string, m *eip.Message) (string, error) {
	address, err := p.address(ctx)
	if err != nil {
		return "", fmt.Errorf("send to %s: %w", queue, err)
	}
	_, id := p.mail.ids.next(bySend)
	err = eip.Await(ctx, p.to(queue), m.With(func(m *eip.Message) {
		m.ID, m.CorrelationID, m.ReplyTo, m.Timestamp = id, id, address, p.env.Clock.Now()
	}))
	if err != nil {
		return "", fmt.Errorf("send to %s: %w", queue, err)
	}
	return id, nil
}

// Receive returns the oldest reply to what was sent; with identifiers, the oldest to one
// of these. It waits for one until ctx ends. Of an error reply it returns both the reply
// and a *ServiceError. Of goroutines that wait, each reply goes to one: to who waits for
// just that, if anybody does.
func (p *Peer) Receive(ctx context.Context, of ...ID) (*eip.Message, error) {
	m, r, err := p.mail.receive(of)
	if r != nil {
		select {
		case m = <-r.got:
		case <-ctx.Done():
			if p.mail.leave(r) {
				err = over(ctx)
			} else {
				m = <-r.got
			}
		}
		if m == nil && err == nil {
			err = p.mail.why()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	return m, ReplyError(m)
}

// Collect publishes a request to a topic, which must exist, and gathers n replies, or
// those that come within the time of ctx; a second, where that has none. n 0 gathers for
// that time. It returns early with 1000 replies, or 16 MiB of them. Error replies are
// among them; [ReplyError] tells.
func (p *Peer) Collect(ctx context.Context, topic string, m *eip.Message, n int) ([]*eip.Message, error) {
	ctx, left, cancel := p.limit(ctx)
	defer cancel()
	if n <= 0 || n > mostKept {
		n = mostKept
	}
	q, err := p.publish(ctx, topic, n, left, m)
	if err == nil {
		if err = p.await(ctx, q); errors.Is(err, ErrNoReply) {
			return q.replies, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("collect from %s: %w", topic, err)
	}
	return q.replies, nil
}

func (p *Peer) publish(ctx context.Context, topic string, n int, left time.Duration, m *eip.Message) (*question, error) {
	address, err := p.address(ctx)
	if err != nil {
		return nil, err
	}
	s, err := p.broker.Sender(ctx, broker.Channel{Kind: broker.Topic, Address: topic, Durable: true})
	if err != nil {
		return nil, err
	}
	q, err := p.mail.ask(byCollect, n)
	if err == nil {
		err = eip.Await(ctx, s, m.With(func(m *eip.Message) {
			m.ID, m.CorrelationID, m.ReplyTo, m.Timestamp, m.Expiration = q.id, q.id, address, p.env.Clock.Now(), max(left, time.Millisecond)
		}))
		if err != nil {
			p.mail.end(q, err)
		}
	}
	return q, errors.Join(err, s.Close())
}

// Call is [Peer.Call] in JSON: in is what is asked, and the reply's body becomes a Resp.
func Call[Req, Resp any](ctx context.Context, p *Peer, queue string, in Req) (out Resp, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("call %s: %w", queue, err)
	}
	reply, err := p.Call(ctx, queue, inJSON(body))
	if err != nil {
		return out, err
	}
	if err = json.Unmarshal(reply.Body(), &out); err != nil {
		err = fmt.Errorf("call %s: read the reply: %w", queue, err)
	}
	return out, err
}

func inJSON(body []byte) *eip.Message {
	return eip.New(body, nil).With(func(m *eip.Message) { m.ContentType = "application/json" })
}
