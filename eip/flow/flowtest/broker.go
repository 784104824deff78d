package flowtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/store"
)

// inside is what a broker within the process can do.
type inside interface {
	broker.RequestReply
	broker.Idler
	broker.Deep
}

// standInBroker is a broker inside the process in place of a declared one. It notes what is
// sent, and does what faults say.
type standInBroker struct {
	inside
	rig     *rig
	name    string // "default" of the one without a name
	replies eip.Replier

	mu      sync.Mutex
	sources map[*standInSource]bool // that are open
	cut     chan struct{}           // closed when the connection is there again; nil: it is
}

// keepsState is one on disk, whose file stages remember in.
type keepsState struct {
	*standInBroker
	disk *embedded.Broker
}

func (k keepsState) State() store.Store { return k.disk.State() }

func (r *rig) openBroker(_ context.Context, declared *flow.Broker, c broker.Config) (broker.Broker, error) {
	b := &standInBroker{rig: r, name: cmp.Or(declared.Name, "default"), sources: map[*standInSource]bool{}}
	b.replies = broker.Replies(b)
	var opened broker.Broker = b
	var err error
	if r.dir == "" {
		c.URL = nil
		var open broker.Broker
		if open, err = memory.Open(c); err == nil {
			b.inside = open.(inside)
		}
	} else {
		c.URL = r.onDisk(b.name)
		var open *embedded.Broker
		if open, err = embedded.Open(c); err == nil {
			b.inside, opened = open, keepsState{b, open}
		}
	}
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.brokers = append(r.brokers, b)
	return opened, nil
}

// onDisk is where the stand-in for a broker keeps its messages.
func (r *rig) onDisk(name string) *url.URL {
	return &url.URL{Scheme: "embedded", Path: filepath.Join(r.dir, name)}
}

// inPlace has stores be inside the process.
func (r *rig) inPlace(c *flow.Config) {
	stores := map[string]*flow.Store{}
	for name, was := range c.Stores {
		of := *was
		of.URL = "memory:"
		if r.dir != "" {
			of.URL = r.onDisk("default").String()
		}
		stores[name] = &of
	}
	c.Stores = stores
}

// inProcess has all brokers be inside the process, which then knows when they are idle.
// They are opened by openBroker.
func inProcess(c *flow.Config, kind brokerKind) {
	brokers := map[string]*flow.Broker{}
	replaced := map[*flow.Broker]*flow.Broker{}
	for name, was := range c.Brokers {
		if replaced[was] == nil {
			of := *was
			of.URL, of.URLs, of.TLS, of.QueueType = string(kind)+":", nil, nil, ""
			replaced[was] = &of
		}
		brokers[name] = replaced[was]
	}
	c.Brokers = brokers
}

func (b *standInBroker) called(c broker.Channel) string {
	return b.rig.places.named(eip.Place{Kind: c.Kind.String(), Name: c.Address})
}

func (b *standInBroker) Source(ctx context.Context, c broker.Channel, sub broker.Subscription) (broker.Source, error) {
	if err := withoutExchanges(&c, &sub); err != nil {
		return nil, err
	}
	s := &standInSource{broker: b, name: b.called(c), channel: c, subscription: sub}
	s.unruly.faults, s.unruly.at = b.rig.faults, s.name
	open, err := b.inside.Source(ctx, c, sub)
	if err != nil {
		return nil, err
	}
	s.open = open
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sources[s] = true
	return s, nil
}

func (b *standInBroker) Sender(ctx context.Context, c broker.Channel) (broker.Sender, error) {
	if err := withoutExchanges(&c, &broker.Subscription{}); err != nil {
		return nil, err
	}
	to, err := b.inside.Sender(ctx, c)
	if err != nil {
		return nil, err
	}
	return &standInSender{to, b, b.called(c)}, nil
}

func (b *standInBroker) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	in, err := b.inside.Inbox(ctx, name)
	if err != nil {
		return nil, err
	}
	return &standInInbox{in, b}, nil
}

// SendTo sends to an address, while the connection is there.
func (b *standInBroker) SendTo(ctx context.Context, address string, m *eip.Message) error {
	if err := b.away(); err != nil {
		return err
	}
	return b.inside.SendTo(ctx, address, m)
}

// withoutExchanges has a channel of any broker be one of a broker that has no exchanges, and
// nothing yet. A test sends what a broker's own language would have picked.
func withoutExchanges(c *broker.Channel, s *broker.Subscription) error {
	switch c.Type {
	case "headers":
		return fmt.Errorf("open topic %s: tests cannot have a topic of the type headers", c.Address)
	case "direct":
		s.Pattern, s.Key = s.Key, ""
	}
	c.Type, c.Declare, s.Address, s.Arguments, s.Select = "", true, "", nil, ""
	return nil
}

// lose cuts the connection: what was taken and is not settled comes again.
func (b *standInBroker) lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cut == nil {
		b.cut = make(chan struct{})
	}
	for s := range b.sources {
		s.lose()
	}
}

// mend makes it anew.
func (b *standInBroker) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cut != nil {
		close(b.cut)
		b.cut = nil
	}
}

// mended returns what is closed when the connection is there again; nil: it is.
func (b *standInBroker) mended() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cut
}

func (b *standInBroker) away() error {
	if b.mended() != nil {
		return fmt.Errorf("the connection to the broker %s: %w", b.name, broker.ErrLost)
	}
	return nil
}

// standInInbox takes the marks off replies.
type standInInbox struct {
	eip.Inbox
	broker *standInBroker
}

func (i *standInInbox) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := i.Inbox.Receive(ctx)
	return i.broker.received(m), err
}
func (i *standInInbox) Answers(m *eip.Message) bool { return broker.Answers(i.broker, m) }
func (i *standInInbox) SendTo(ctx context.Context, address string, m *eip.Message) error {
	return i.broker.SendTo(ctx, address, m)
}

// received is a message from the broker without its mark, and with the broker to reply on.
func (b *standInBroker) received(m *eip.Message) *eip.Message {
	if m == nil {
		return nil
	}
	m, at := b.rig.ways.take(m)
	m = at.arrive(m)
	if m.ReplyTo != "" {
		m = m.WithReplier(b.replies)
	}
	return m
}

// standInSender is the sending side of a channel.
type standInSender struct {
	broker.Sender
	broker *standInBroker
	name   string
}

func (s *standInSender) Handle(ctx context.Context, m *eip.Message) error {
	r := s.broker.rig
	seen, at := r.ways.take(m)
	lost, err := r.faults.before(ctx, s.name, seen)
	if err = errors.Join(err, s.broker.away()); err != nil {
		return err
	}
	if err := s.Sender.Handle(ctx, m); err != nil {
		return err
	}
	r.arrived(s.name, seen, at, "")
	return lost
}
