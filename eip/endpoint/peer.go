package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A Peer asks services over a broker, and is one where it listens. It is safe for
// concurrent use; many goroutines share its inbox.
//
// A reply that comes too late, a second time, or to no request of this Peer is dropped
// and counted. What was sent by Send and answered waits for Receive: 1000 replies or
// 16 MiB at most, of which the oldest are dropped and counted. Counts tell a late reply
// from a doubled one as long as no more than 10,000 further requests have ended without
// a reply.
type Peer struct {
	broker broker.RequestReply
	env    eip.Env
	owns   bool // it has opened the broker
	mail   *mail
	calls  broker.Calls // nil: they go by the inbox

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup // goroutines

	opening chan struct{} // has an entry while somebody opens the inbox

	mu    sync.Mutex
	inbox eip.Inbox     // nil until it is needed
	back  chan struct{} // closed when replies reach the inbox again; nil while they do
	ended []error       // why what listened ended
}

// Dial connects to a broker by its URL, whose package the program imports. Options change
// what the broker is opened with; what goes wrong is logged by [slog.Default] unless they
// say otherwise. A server that is away is waited for until ctx ends.
func Dial(ctx context.Context, url string, opts ...func(*broker.Config)) (*Peer, error) {
	c, err := broker.Dial(ctx, url, opts...)
	if err != nil {
		return nil, err
	}
	p, err := NewPeer(ctx, c.Broker, &c.Env)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dial: %w", err), c.Close())
	}
	p.owns = true
	return p, nil
}

// NewPeer returns a Peer on a broker that is open, and stays so when the Peer is closed.
// Of env it uses Instance, Log and Clock.
func NewPeer(ctx context.Context, b broker.Broker, env *eip.Env) (*Peer, error) {
	r, ok := b.(broker.RequestReply)
	if !ok {
		return nil, eip.Permanent(errors.New("make a peer: on this broker requests cannot be answered"))
	}
	p := &Peer{broker: r, env: *env, mail: newMail(), opening: make(chan struct{}, 1)}
	if p.env.Log == nil {
		p.env.Log = slog.New(slog.DiscardHandler)
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	var err error
	if c, ok := b.(broker.Caller); ok {
		p.calls, err = c.Calls(ctx, outcomes{p.mail})
	} else {
		_, err = p.address(ctx)
	}
	if err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// outcomes are those of calls.
type outcomes struct{ mail *mail }

func (o outcomes) Replied(reply *eip.Message)    { o.mail.heard(reply) }
func (o outcomes) Returned(id string, err error) { o.mail.fail(id, err) }
func (o outcomes) Lost(err error)                { o.mail.lose(err, false) }

// address is the inbox's, when replies can reach it. It is opened when it is first needed.
func (p *Peer) address(ctx context.Context) (string, error) {
	for {
		p.mu.Lock()
		inbox, back := p.inbox, p.back
		p.mu.Unlock()
		switch {
		case p.ctx.Err() != nil:
			return "", eip.ErrClosed
		case inbox == nil:
			if err := p.open(ctx); err != nil {
				return "", err
			}
			continue
		case back == nil:
			return inbox.Address(), nil
		}
		select {
		case <-back:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the inbox: %w", context.Cause(ctx))
		case <-p.ctx.Done():
			return "", eip.ErrClosed
		}
	}
}

// open opens the inbox, unless it is there. One caller does, and the others wait no longer
// than they want to.
func (p *Peer) open(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	select {
	case p.opening <- struct{}{}:
	case <-ctx.Done():
		return p.closedOr(fmt.Errorf("wait for the inbox: %w", context.Cause(ctx)))
	}
	defer func() { <-p.opening }()
	p.mu.Lock()
	there := p.inbox != nil
	p.mu.Unlock()
	if there {
		return nil
	}
	inbox, err := p.broker.Inbox(ctx, "")
	if err != nil {
		return p.closedOr(fmt.Errorf("open an inbox: %w", err))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return errors.Join(eip.ErrClosed, inbox.Close())
	}
	p.inbox = inbox
	if l, ok := inbox.(broker.Losing); ok {
		l.OnLost(p.lost, p.found)
	}
	p.work.Go(func() { p.receive(inbox) })
	return nil
}

func (p *Peer) closedOr(err error) error {
	if p.ctx.Err() != nil {
		return eip.ErrClosed
	}
	return err
}

// lost is told that what was under way to the inbox is lost.
func (p *Peer) lost(err error) {
	p.mu.Lock()
	if p.back == nil {
		p.back = make(chan struct{})
	}
	p.mu.Unlock()
	p.mail.lose(err, false)
}

// found is told that replies reach the inbox again.
func (p *Peer) found() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.back != nil {
		close(p.back)
		p.back = nil
	}
}

// receive takes what comes to the inbox.
func (p *Peer) receive(inbox eip.Inbox) {
	take := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		p.mail.heard(m)
		return nil
	})
	for {
		m, err := inbox.Receive(p.ctx)
		if m != nil {
			eip.Deliver(p.ctx, take, m)
			continue
		}
		if err != nil {
			if p.ctx.Err() != nil {
				err = eip.ErrClosed
			} else {
				p.env.Log.Error("replies are no longer received", slog.Any("error", err))
			}
			p.mail.lose(fmt.Errorf("receive replies: %w", err), true)
			return
		}
	}
}

// Counts returns, since the Peer was made, of replies to it: late, those to calls that
// had ended; doubled, second ones; unasked, those to no request of this Peer; dropped,
// those that nobody received in time. Of its services: gone, replies whose callers had
// gone; failed, requests that failed.
func (p *Peer) Counts() map[string]int64 {
	p.mail.mu.Lock()
	defer p.mail.mu.Unlock()
	return maps.Clone(p.mail.counts)
}

// Close ends calls with eip.ErrClosed, lets handlers finish what they have begun for ten
// seconds at most, and closes the broker, if Dial has opened it. It returns what went
// wrong while the Peer listened, too.
func (p *Peer) Close() error {
	p.mu.Lock()
	p.stop()
	inbox := p.inbox
	p.mu.Unlock()
	p.mail.lose(eip.ErrClosed, true)
	p.work.Wait()
	err := errors.Join(p.ended...)
	if inbox != nil {
		err = errors.Join(err, inbox.Close())
	}
	if p.calls != nil {
		err = errors.Join(err, p.calls.Close())
	}
	if p.owns {
		err = errors.Join(err, p.broker.Close())
	}
	return err
}
