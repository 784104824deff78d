package eiptest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/eiptest"
)

// This is all that a broker needs, here one over Go's channels which can do little: its
// capabilities, an entry in the registry, and what package broker asks for.

const largestBody = 1 << 20

func init() {
	broker.Registry.Add("channels", func() broker.Transport {
		return broker.Transport{
			Open:         func(context.Context, broker.Config) (broker.Broker, error) { return openChannels(), nil },
			Capabilities: broker.Capabilities{Headers: true, LargestBody: largestBody},
		}
	})
}

func TestBroker_OverChannels(t *testing.T) {
	open := func(*testing.T) broker.Broker { return openChannels() }
	eiptest.Broker(t, eiptest.BrokerCase{
		Scheme: "channels", Open: open,
		Restart: func(t *testing.T, b broker.Broker) broker.Broker {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			return open(t)
		},
	})
}

type channels struct {
	mu     sync.Mutex
	queues map[string]*waiting
	topics map[string]map[string]*waiting // by subscription
	closed chan struct{}
	end    func()
}

// waiting is what waits in a queue or for a subscription.
type waiting struct {
	messages chan *eip.Message
	read     bool // by a source
}

func openChannels() *channels {
	b := &channels{queues: map[string]*waiting{}, topics: map[string]map[string]*waiting{}, closed: make(chan struct{})}
	b.end = sync.OnceFunc(func() { close(b.closed) })
	return b
}

func (b *channels) Capabilities() broker.Capabilities {
	t, _ := broker.Registry.New("channels")
	return t.Capabilities
}

func (b *channels) Status() broker.Status {
	return broker.Status{URL: "channels:", Connected: !isClosed(b.closed)}
}

func (b *channels) Close() error {
	b.end()
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// entry finds or makes what waits under a name. The lock is held.
func entry(all map[string]*waiting, name string) *waiting {
	if all[name] == nil {
		all[name] = &waiting{messages: make(chan *eip.Message, 10_000)}
	}
	return all[name]
}

// subscriptions finds or makes those of a topic. The lock is held.
func (b *channels) subscriptions(topic string) map[string]*waiting {
	if b.topics[topic] == nil {
		b.topics[topic] = map[string]*waiting{}
	}
	return b.topics[topic]
}

func (b *channels) Source(_ context.Context, c broker.Channel, s broker.Subscription) (broker.Source, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if isClosed(b.closed) {
		return nil, eip.ErrClosed
	}
	src := &channelSource{b: b, address: c.Address, prefetch: 1000, bytes: broker.DefaultPrefetchBytes, closed: make(chan struct{}),
		wake: make(chan struct{}, 1), unsettled: map[*eip.Message]bool{}, forget: func() {}}
	if s.Prefetch > 0 {
		src.prefetch = s.Prefetch
	}
	if s.PrefetchBytes > 0 {
		src.bytes = s.PrefetchBytes
	}
	if c.Kind == broker.Queue {
		src.from = entry(b.queues, c.Address)
		return src, nil
	}
	subscriptions := b.subscriptions(c.Address)
	src.from = entry(subscriptions, s.Name)
	if src.from.read {
		return nil, fmt.Errorf("the subscription %s is read already", s.Name)
	}
	src.from.read = true
	src.forget = func() {
		src.from.read = false
		if !s.Durable {
			delete(subscriptions, s.Name)
		}
	}
	return src, nil
}

type channelSource struct {
	b        *channels
	address  string
	from     *waiting
	prefetch int
	bytes    eip.Bytes
	closed   chan struct{}
	wake     chan struct{} // something was settled
	forget   func()

	mu        sync.Mutex
	unsettled map[*eip.Message]bool
	held      eip.Bytes
}

func (s *channelSource) Receive(ctx context.Context) (*eip.Message, error) {
	for {
		s.mu.Lock()
		from := s.from.messages
		if len(s.unsettled) >= s.prefetch || s.held >= s.bytes {
			from = nil
		}
		s.mu.Unlock()
		if isClosed(s.closed) || isClosed(s.b.closed) {
			return nil, eip.ErrClosed
		}
		select {
		case m := <-from:
			return s.deliver(m), nil
		case <-s.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.closed:
		case <-s.b.closed:
		}
	}
}

func (s *channelSource) deliver(m *eip.Message) *eip.Message {
	s.mu.Lock()
	s.unsettled[m] = true
	s.held += eip.Bytes(m.Size())
	s.mu.Unlock()
	return m.Fork(func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.unsettled[m] { // it was given back
			return
		}
		s.take(m, err != nil)
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}).With(func(c *eip.Message) { c.Channel = s.address })
}

// take ends the source's hold of m. Given back, it goes to the end.
func (s *channelSource) take(m *eip.Message, back bool) {
	delete(s.unsettled, m)
	s.held -= eip.Bytes(m.Size())
	if back {
		s.from.messages <- m.With(func(m *eip.Message) { m.Redelivered = true })
	}
}

func (s *channelSource) Close() error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if isClosed(s.closed) {
		return nil
	}
	close(s.closed)
	s.mu.Lock()
	defer s.mu.Unlock()
	for m := range s.unsettled {
		s.take(m, true)
	}
	s.forget()
	return nil
}

func (b *channels) Sender(_ context.Context, c broker.Channel) (broker.Sender, error) {
	if isClosed(b.closed) {
		return nil, eip.ErrClosed
	}
	return &channelSender{b: b, channel: c, closed: make(chan struct{})}, nil
}

type channelSender struct {
	b       *channels
	channel broker.Channel
	closed  chan struct{}
}

func (s *channelSender) Handle(ctx context.Context, m *eip.Message) error {
	switch {
	case isClosed(s.closed), isClosed(s.b.closed):
		return eip.ErrClosed
	case len(m.Body()) > largestBody:
		return eip.Permanent(fmt.Errorf("the body has %d bytes, more than %d", len(m.Body()), largestBody))
	}
	s.b.mu.Lock()
	all := map[string]*waiting{}
	if s.channel.Kind == broker.Queue {
		entry(s.b.queues, s.channel.Address)
		all = map[string]*waiting{"": s.b.queues[s.channel.Address]}
	} else {
		for name, w := range s.b.subscriptions(s.channel.Address) {
			all[name] = w
		}
	}
	s.b.mu.Unlock()
	for _, to := range all {
		kept := m.Fork(nil).With(func(m *eip.Message) { m.Redelivered, m.Copies, m.Status = false, false, false })
		select {
		case to.messages <- kept:
		case <-s.b.closed:
			return eip.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *channelSender) Close() error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if !isClosed(s.closed) {
		close(s.closed)
	}
	return nil
}
