package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
)

// An Endpoint is a queue or topic for the flows of a Go program: what they have as Source,
// as To, or where a stage sends. It opens by itself, for receiving and for sending, when
// it is first used or Run begins, and closes with Run or its Connection.
type Endpoint struct {
	// Channel is durable, and declared.
	Channel Channel
	// Subscription says how it is read. One of a topic is durable, and needs a Name, unless
	// it is Exclusive; Run gives it the flow's. Run takes from the flow how much it
	// prefetches, too.
	Subscription Subscription

	on     *Connection
	source side[Source]
	sender side[Sender]
}

// Queue is a queue. Options change what it is like.
func (c *Connection) Queue(address string, opts ...func(*Endpoint)) *Endpoint {
	return c.endpoint(Queue, address, opts)
}

// Topic is a topic. Options change what it is like.
func (c *Connection) Topic(address string, opts ...func(*Endpoint)) *Endpoint {
	return c.endpoint(Topic, address, opts)
}

func (c *Connection) endpoint(k Kind, address string, opts []func(*Endpoint)) *Endpoint {
	e := &Endpoint{Channel: Channel{Kind: k, Address: address, Durable: true, Declare: true}, Subscription: Subscription{Durable: true}, on: c}
	e.source.turn, e.sender.turn = make(chan struct{}, 1), make(chan struct{}, 1)
	for _, o := range opts {
		o(e)
	}
	return e
}

// Receive returns the next message.
func (e *Endpoint) Receive(ctx context.Context) (*eip.Message, error) {
	s, err := e.openSource(ctx, &eip.Flow{})
	if err != nil {
		return nil, err
	}
	return s.Receive(ctx)
}

// Handle sends m. Like any sending side it holds m until the broker has it.
func (e *Endpoint) Handle(ctx context.Context, m *eip.Message) error {
	s, err := e.openSender(ctx)
	if err != nil {
		return err
	}
	return s.Handle(ctx, m)
}

// Inbox opens a channel for replies, as eip.Inboxer says.
func (e *Endpoint) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	return Inbox(ctx, e.on.Broker, name)
}

// openSource opens it for a flow.
func (e *Endpoint) openSource(ctx context.Context, f *eip.Flow) (Source, error) {
	return e.source.open(ctx, e, func() (Source, error) {
		s := e.Subscription
		s.Prefetch, s.PrefetchBytes = cmp.Or(s.Prefetch, f.Window), cmp.Or(s.PrefetchBytes, f.WindowBytes)
		s.Ordered = s.Ordered || f.OrderBy != nil || f.Retry.Ordered
		switch s.Name = cmp.Or(s.Name, f.Name); {
		case s.Exclusive:
			s.Name = cmp.Or(e.Subscription.Name, eip.NewID())
		case s.Name == "" && e.Channel.Kind == Topic:
			return nil, errors.New("its Subscription needs a Name: processes of the same name compete")
		}
		if err := e.on.transport.CheckChannel(e.Channel, &s); err != nil {
			return nil, err
		}
		return e.on.Source(ctx, e.Channel, s)
	})
}

func (e *Endpoint) openSender(ctx context.Context) (Sender, error) {
	return e.sender.open(ctx, e, func() (Sender, error) {
		if err := e.on.transport.CheckChannel(e.Channel, nil); err != nil {
			return nil, err
		}
		return e.on.Sender(ctx, e.Channel)
	})
}

// side is one that opens when it is first used.
type side[T io.Closer] struct {
	turn chan struct{} // has an entry while somebody opens or closes it
	now  atomic.Pointer[T]
}

func (s *side[T]) open(ctx context.Context, of *Endpoint, open func() (T, error)) (none T, err error) {
	if now := s.now.Load(); now != nil {
		return *now, nil
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	defer func() { <-s.turn }()
	if now := s.now.Load(); now != nil {
		return *now, nil
	}
	t, err := open()
	if err != nil {
		return none, fmt.Errorf("open %s %s: %w", of.Channel.Kind, of.Channel.Address, err)
	}
	s.now.Store(&t)
	return t, nil
}

func (s *side[T]) close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if now := s.now.Swap(nil); now != nil {
		return (*now).Close()
	}
	return nil
}
