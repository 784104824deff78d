package amqp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

func init() {
	for _, scheme := range []string{"amqp", "amqps"} {
		broker.Registry.Add(scheme, func() broker.Transport {
			return broker.Transport{Open: Open, Capabilities: capabilities, CheckURL: checkURL, Check: check, Ping: ping, Plan: plan, Warn: warn}
		})
	}
}

var capabilities = broker.Capabilities{Durable: true, Patterns: true, MaxLength: true, TTL: true, DeadLetter: true, Headers: true, Exchanges: true, AutoDelete: true,
	Exclusive: true, Single: true, Existing: true, RefusesMissing: true, SharedSubscriptions: true, GivesBackInOrder: true, RequestReply: true, TellsGone: true, MessageGroups: true, Depth: true, Browse: true, Calls: true}

// Broker is a RabbitMQ node or cluster.
type Broker struct {
	config  broker.Config
	consume *pool
	publish *pool

	boarding chan struct{} // has an entry while somebody looks for a trunk
	trunks   []*trunk      // that senders share; of who is boarding

	direct func() *sender // to any queue by its name; opened when first used

	opened remote.Opened

	mu        sync.Mutex
	consuming map[string]int // consumers by queue
	singles   map[string]*single
	looks     *connection // for Depths
	// spentQueues have messages that a look would bring too near to their delivery limit.
	spentQueues map[string]bool
}

// Open prepares a broker. It does not wait for a connection: sources and senders
// do.
func Open(_ context.Context, c broker.Config) (broker.Broker, error) {
	if c.URL.Host == "" {
		return nil, fmt.Errorf("the URL %s names no host", remote.Redact(c.URL.String()))
	}
	b := &Broker{config: c, boarding: make(chan struct{}, 1), consuming: map[string]int{}, singles: map[string]*single{}, spentQueues: map[string]bool{}}
	b.consume, b.publish = newPool(&b.config, "consume", b.letGo), newPool(&b.config, "publish", b.letGo)
	b.direct = sync.OnceValue(func() *sender { return b.newSender(target{mandatory: true}) })
	return b, nil
}

// Dial opens RabbitMQ for a Go program, as [broker.Dial] does.
func Dial(ctx context.Context, url string, opts ...func(*broker.Config)) (*broker.Connection, error) {
	return broker.Dial(ctx, url, opts...)
}

// Capabilities are RabbitMQ's.
func (b *Broker) Capabilities() broker.Capabilities { return capabilities }

// Status says how the connections do.
func (b *Broker) Status() broker.Status {
	s := broker.Status{URL: remote.Redact(b.config.URL.String()), Connected: true}
	for _, p := range []*pool{b.consume, b.publish} {
		if waiting := p.waitsFor(); waiting != "" {
			s.Connected, s.Waiting = false, waiting
		}
	}
	return s
}

// Source consumes from a queue or a subscription.
func (b *Broker) Source(ctx context.Context, c broker.Channel, s broker.Subscription) (broker.Source, error) {
	return b.newSource(ctx, receiving(c, s).typed(b.config.QueueType), s)
}

// Sender publishes to a queue or topic.
func (b *Broker) Sender(ctx context.Context, c broker.Channel) (broker.Sender, error) {
	to := sending(c)
	to.topology = to.typed(b.config.QueueType)
	s := b.newSender(to)
	if err := s.wait(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// SendTo publishes to a queue by its name, through the default exchange, which
// holds nothing else: a Return Address cannot name an exchange.
func (b *Broker) SendTo(ctx context.Context, address string, m *eip.Message) error {
	if address == "" || len(address) > 255 {
		return eip.Permanent(fmt.Errorf("send to %.40q: this cannot be the name of a queue", address))
	}
	s := b.direct()
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.send(ctx, address, m)
}

// Named reports whether the server made the name of a queue: clients cannot declare
// one that begins so.
func (b *Broker) Named(address string) bool {
	return strings.HasPrefix(address, "amq.gen-") || strings.HasPrefix(address, directReply)
}

// Inbox consumes from a queue of its own.
func (b *Broker) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	t := topology{queue: broker.InboxAddress(name), declare: true, durable: name != "", exclusive: name == "", autoDelete: name == ""}
	t.address = t.queue
	s, err := b.newSource(ctx, t.typed(b.config.QueueType), broker.Subscription{})
	if err != nil {
		return nil, err
	}
	return &inbox{s, b}, nil
}

type inbox struct {
	*source
	broker *Broker
}

func (i *inbox) Address() string             { return i.topology.queue }
func (i *inbox) Answers(m *eip.Message) bool { return broker.Answers(i.broker, m) }
func (i *inbox) SendTo(ctx context.Context, address string, m *eip.Message) error {
	return i.broker.SendTo(ctx, address, m)
}

// Close closes everything that was opened on the broker, and its connections.
func (b *Broker) Close() error {
	err := b.opened.Close()
	b.consume.close()
	b.publish.close()
	return err
}

// letGo has senders that cannot publish give up what their sources have taken back,
// so that nobody waits for it.
func (b *Broker) letGo() {
	for _, o := range b.opened.All() {
		if s, ok := o.(*sender); ok {
			s.letGo()
		}
	}
}
