package flowtest

import (
	"cmp"
	"context"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
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
	rig      *rig
	declared *flow.Broker
	name     string
	replies  eip.Replier
}

func (r *rig) openBroker(ctx context.Context, declared *flow.Broker, c broker.Config) (broker.Broker, error) {
	open, err := r.openInside(ctx, declared, c)
	if err != nil {
		return nil, err
	}
	b := &standInBroker{inside: open.(inside), rig: r, declared: declared, name: cmp.Or(declared.Name, "default")}
	b.replies = broker.Replies(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.brokers = append(r.brokers, b)
	return b, nil
}

func (b *standInBroker) Source(ctx context.Context, c broker.Channel, s broker.Subscription) (broker.Source, error) {
	src, err := b.inside.Source(ctx, c, s)
	if err != nil {
		return nil, err
	}
	return &standInSource{Source: src, broker: b, name: b.rig.places.named(eip.Place{Kind: c.Kind.String(), Name: c.Address})}, nil
}

func (b *standInBroker) Sender(ctx context.Context, c broker.Channel) (broker.Sender, error) {
	to, err := b.inside.Sender(ctx, c)
	if err != nil {
		return nil, err
	}
	return &standInSender{to, b, b.rig.places.named(eip.Place{Kind: c.Kind.String(), Name: c.Address})}, nil
}

func (b *standInBroker) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	in, err := b.inside.Inbox(ctx, name)
	if err != nil {
		return nil, err
	}
	return &standInInbox{in, &standInSource{Source: in, broker: b}}, nil
}

// standInInbox takes the marks off replies.
type standInInbox struct {
	eip.Inbox
	source *standInSource
}

func (i *standInInbox) Receive(ctx context.Context) (*eip.Message, error) {
	return i.source.Receive(ctx)
}
func (i *standInInbox) Answers(m *eip.Message) bool { return broker.Answers(i.source.broker, m) }
func (i *standInInbox) SendTo(ctx context.Context, address string, m *eip.Message) error {
	return i.source.broker.SendTo(ctx, address, m)
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
	if err != nil {
		return err
	}
	if err := s.Sender.Handle(ctx, m); err != nil {
		return err
	}
	r.arrived(s.name, seen, at, "")
	return lost
}

// standInSource is the receiving side of one.
type standInSource struct {
	broker.Source
	broker *standInBroker
	name   string // "" of an inbox
}

func (s *standInSource) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := s.Source.Receive(ctx)
	if m == nil {
		return m, err
	}
	m, at := s.broker.rig.ways.take(m)
	m = at.arrive(m)
	if m.ReplyTo != "" {
		m = m.WithReplier(s.broker.replies)
	}
	return m, err
}
