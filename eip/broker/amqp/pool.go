package amqp

import (
	"context"
	"slices"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// pool is the connections of one purpose: one, and another when no AMQP channel is
// left on those that there are. They stay until close.
type pool struct {
	config  *broker.Config
	purpose string
	lost    func()
	mu      sync.Mutex
	links   []*link
	closed  bool
}

func newPool(c *broker.Config, purpose string, lost func()) *pool {
	p := &pool{config: c, purpose: purpose, lost: lost}
	p.links = []*link{newLink(c, purpose, lost)}
	return p
}

// any waits for a connection to make calls on.
func (p *pool) any(ctx context.Context) (*connection, error) { return p.all()[0].connection(ctx) }

// hold waits for a connection that allows one more AMQP channel that stays open.
// The connection's free gives it back. It prefers the link that it was on before: what
// is exclusive may still be there.
func (p *pool) hold(ctx context.Context, before *link) (*connection, error) {
	if before != nil {
		if conn, err := before.connection(ctx); err != nil || conn.hold() {
			return conn, err
		}
	}
	for i := 0; ; i++ {
		p.mu.Lock()
		if i == len(p.links) {
			if p.closed {
				p.mu.Unlock()
				return nil, eip.ErrClosed
			}
			p.links = append(p.links, newLink(p.config, p.purpose, p.lost))
		}
		l := p.links[i]
		p.mu.Unlock()
		conn, err := l.connection(ctx)
		if err != nil {
			return nil, err
		}
		if conn.hold() {
			return conn, nil
		}
	}
}

func (p *pool) all() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.links)
}

// waitsFor is what the first that waits does wait for.
func (p *pool) waitsFor() string {
	for _, l := range p.all() {
		if waiting := l.waitsFor(); waiting != "" {
			return waiting
		}
	}
	return ""
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for _, l := range p.all() {
		l.close()
	}
}

// mostCalls is how many calls may be under way on a connection at once.
const mostCalls = 32

// divide says which of the AMQP channels that the server allows are for calls, and how
// many may be held.
func (c *connection) divide() {
	most := int(c.Config.ChannelMax)
	calls := min(mostCalls, max(1, most/8))
	c.calls, c.idle = make(chan struct{}, calls), make(chan *amqp.Channel, min(calls, most-1))
	c.spare = max(1, most-calls)
}

// hold counts one more AMQP channel that stays open, where one is allowed.
func (c *connection) hold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spare <= 0 {
		return false
	}
	c.spare--
	return true
}

// free counts one less.
func (c *connection) free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare++
}

// limited does something when few others do: what is one too many waits here, and not
// for the server.
func (c *connection) limited(ctx context.Context, do func() error) error {
	select {
	case c.calls <- struct{}{}:
	case <-c.gone:
		return broker.ErrLost
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.calls }()
	return do()
}

// call makes a call on an AMQP channel that is nobody else's meanwhile, and can be
// used again if the server does not refuse it. One that is not answered keeps it.
func (c *connection) call(ctx context.Context, what string, call func(*amqp.Channel) error) error {
	return c.limited(ctx, func() (err error) {
		var ch *amqp.Channel
		select {
		case ch = <-c.idle:
		default:
		}
		if ch == nil || ch.IsClosed() {
			if ch, err = c.Channel(); err != nil {
				return err
			}
		}
		end := func() { hurry(c, func() { _ = ch.Close() }) }
		if err := c.within(what, func() error { return call(ch) }, end); err != nil { // it is closed, or waits
			return err
		}
		select {
		case c.idle <- ch:
		default:
			end()
		}
		return nil
	})
}
