package local

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Broker is a broker.Broker in this process.
type Broker struct {
	url     string
	can     broker.Capabilities
	store   Store // nil: everything is in memory
	log     *slog.Logger
	clock   eip.Clock
	replies eip.Replier
	closing context.Context // ends with Close
	close   context.CancelFunc
	cached  atomic.Int64 // bytes that are in memory and on disk
	moves   atomic.Int64 // places taken in queues since the start

	mu     sync.RWMutex
	queues map[string]*Queue
	topics map[string]*topic
	busy   sync.WaitGroup // sweepers
}

var (
	_ broker.RequestReply = (*Broker)(nil)
	_ broker.Idler        = (*Broker)(nil)
	_ broker.Deep         = (*Broker)(nil)
	_ broker.Browser      = (*Broker)(nil)
)

// Capabilities are those of each broker in this process.
func Capabilities() broker.Capabilities {
	return broker.Capabilities{Patterns: true, MaxLength: true, TTL: true, DeadLetter: true, Headers: true, AutoDelete: true, Exclusive: true,
		Existing: true, RefusesMissing: true, SharedSubscriptions: true, GivesBackInOrder: true, RequestReply: true, TellsGone: true, MessageGroups: true, Depth: true, Browse: true}
}

// New makes a broker that keeps what is durable in store; nil: nothing.
func New(c broker.Config, url string, can broker.Capabilities, store Store) (*Broker, error) {
	b := &Broker{url: url, can: can, store: store, log: c.Log, clock: c.Clock, queues: map[string]*Queue{}, topics: map[string]*topic{}}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	b.replies = broker.Replies(b)
	b.closing, b.close = context.WithCancel(context.Background())
	if store != nil {
		if err := b.restore(store.Kept()); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// restore makes the channels that an earlier process left. Sweepers wait until all
// are there, lest they take a dead-letter queue for missing.
func (b *Broker) restore(kept []Kept) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range kept {
		if k.Spec.Kind == broker.Topic && k.Spec.Subscription == "" {
			b.topics[k.Spec.Address] = &topic{durable: true}
		}
	}
	for _, k := range kept {
		if k.Log == nil {
			continue
		}
		q, err := newQueue(b, k.Spec, k.Log)
		if err != nil {
			return err
		}
		k.Log.Attach(q)
		if k.Spec.Kind == broker.Queue {
			b.queues[k.Spec.Address] = q
		} else {
			t := b.topics[k.Spec.Address]
			if t == nil {
				t = &topic{durable: true}
				b.topics[k.Spec.Address] = t
			}
			t.add(k.Spec.Subscription, q)
		}
		q.restore(k)
	}
	return nil
}

// Capabilities are what the broker can do.
func (b *Broker) Capabilities() broker.Capabilities { return b.can }

// Source opens a queue, or a topic's subscription.
func (b *Broker) Source(_ context.Context, c broker.Channel, s broker.Subscription) (broker.Source, error) {
	if b.closing.Err() != nil {
		return nil, eip.ErrClosed
	}
	for {
		var q *Queue
		var err error
		if c.Kind == broker.Topic {
			q, err = b.subscribe(c, s)
		} else {
			q, err = b.declare(c)
		}
		if err != nil {
			return nil, err
		}
		if src, err := q.open(s, c.GroupBy != nil); src != nil || err != nil {
			return src, err
		}
	}
}

// Sender opens the sending side of a channel.
func (b *Broker) Sender(_ context.Context, c broker.Channel) (broker.Sender, error) {
	if b.closing.Err() != nil {
		return nil, eip.ErrClosed
	}
	s := &sender{b: b, channel: c, done: make(chan struct{}, 1)}
	if err := s.resolve(); err != nil {
		return nil, err
	}
	return s, nil
}

// SendTo sends m to the queue at address.
func (b *Broker) SendTo(ctx context.Context, address string, m *eip.Message) error {
	b.mu.RLock()
	q := b.queues[address]
	b.mu.RUnlock()
	if q == nil {
		return noSuchQueue(address, b.url)
	}
	err := b.send(ctx, m, []*Queue{q}, nil)
	if err == errGone {
		return noSuchQueue(address, b.url)
	}
	return err
}

func noSuchQueue(address, url string) error {
	return eip.Gone(fmt.Errorf("send to %q: there is no such queue on %s", address, url))
}

// Inbox opens a queue for replies.
func (b *Broker) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	c := broker.Channel{Address: broker.InboxAddress(name), Declare: true}
	if name == "" {
		c.Exclusive, c.AutoDelete = true, true
	} else {
		c.Durable = true
	}
	s, err := b.Source(ctx, c, broker.Subscription{})
	if err != nil {
		return nil, err
	}
	return &inbox{s, b, c.Address}, nil
}

type inbox struct {
	broker.Source
	b       *Broker
	address string
}

func (i *inbox) Address() string             { return i.address }
func (i *inbox) Answers(m *eip.Message) bool { return broker.Answers(i.b, m) }
func (i *inbox) SendTo(ctx context.Context, address string, m *eip.Message) error {
	return i.b.SendTo(ctx, address, m)
}

// Status says how the store does.
func (b *Broker) Status() broker.Status {
	s := broker.Status{URL: b.url, Connected: true}
	if b.store != nil {
		s.Waiting, _ = b.store.Trouble()
	}
	if b.closing.Err() != nil {
		s.Waiting = "closed"
	}
	s.Connected = s.Waiting == ""
	return s
}

// Idle reports whether nothing is left to deliver.
func (b *Broker) Idle() bool {
	moves := b.moves.Load()
	if b.store != nil && b.store.Busy() {
		return false
	}
	for _, q := range b.all() {
		if !q.idle() {
			return false
		}
	}
	// Nothing went from a queue that was still to be looked at to one that had
	// been.
	return b.moves.Load() == moves
}

// Close ends all sources, and writes what is under way.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closing.Err() != nil {
		b.mu.Unlock()
		return nil
	}
	b.close()
	b.mu.Unlock()
	for _, q := range b.all() {
		q.mu.Lock()
		q.stopTimer()
		q.stopAges()
		sources := q.sources
		q.mu.Unlock()
		for _, s := range sources {
			s.Close() // gives no error while the broker is closing
		}
	}
	b.busy.Wait()
	if b.store != nil {
		return b.store.Close()
	}
	return nil
}

// enter keeps Close from ending before leave; false where it has begun.
func (b *Broker) enter() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closing.Err() != nil {
		return false
	}
	b.busy.Add(1)
	return true
}

func (b *Broker) leave() { b.busy.Done() }
