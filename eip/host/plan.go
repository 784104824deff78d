package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/internal/replies"
)

// A BrokerPlan is what flows would find, and make, on one broker.
type BrokerPlan struct {
	Name  string // "" of the default one
	URL   string // without a password
	Items []*PlanItem
	Err   error // it could not be asked
}

// A PlanItem is something that flows need on a broker.
type PlanItem struct {
	Name  string   // as flow files write it: queue.orders; or what it is
	Flows []string // that need it
	broker.Item
	broker.Finding

	asItIs bool // it may differ
}

// Plan asks the brokers for what Start would declare there for the flows of these
// names (none: all that are enabled), and changes nothing. What comes and goes with
// the processes alone, like the inboxes of requests, is no part of it.
func Plan(ctx context.Context, c *flow.Config, flows []string, instance string) ([]*BrokerPlan, error) {
	picked, err := c.Pick(flows...)
	if err != nil {
		return nil, err
	}
	p := &planner{config: c}
	for _, f := range picked {
		p.flow(f)
	}
	for i, b := range p.plans {
		b.URL = c.Redact(p.brokers[i].URL)
		if err := b.ask(ctx, p.brokers[i], instance); err != nil {
			b.Err = c.Secrets().Error(err)
			for _, item := range b.Items {
				item.State = broker.Unknown
			}
		}
	}
	return p.plans, nil
}

type planner struct {
	config  *flow.Config
	brokers []*flow.Broker
	plans   []*BrokerPlan // of brokers
}

// flow adds what a flow needs.
func (p *planner) flow(f *flow.Flow) {
	for _, from := range f.From {
		if ch := p.config.Channels[from.String()]; ch != nil {
			s := f.Claim()
			p.channel(f, ch, &s)
		}
	}
	if s := f.Claim(); s.Single != "" { // whoever has this queue takes messages
		p.add(f, p.config.SourceBroker(f), s.Single, broker.Item{Channel: broker.Channel{
			Kind: broker.Queue, Address: s.Single, Exclusive: true, AutoDelete: true, Declare: true}})
	}
	for _, e := range f.Endpoints {
		if ch := p.config.Channels[e.String()]; ch != nil {
			p.channel(f, ch, nil)
		}
	}
	for n, s := range eip.Walk(f.Stages()) {
		if a, ok := s.(replies.Answered); ok {
			p.inbox(f, n.Address, a)
		}
	}
	if f.DeadLetter == nil {
		p.deadLetters(f)
	}
}

// channel adds a channel, where the broker moves what it gives up, and the
// subscription of a flow that reads it.
func (p *planner) channel(f *flow.Flow, ch *flow.Channel, s *broker.Subscription) {
	on, spec := p.config.BrokerOf(ch), p.config.Spec(ch)
	reads := s != nil && spec.Kind == broker.Queue
	if !p.add(f, on, ch.String(), broker.Item{Channel: spec, Read: reads, Written: s == nil}) && s == nil {
		return
	}
	if dead := p.config.DeadLetterOf(ch); dead != nil && ch.Declare {
		p.channel(f, dead, nil)
	}
	if s != nil && spec.Kind == broker.Topic {
		p.add(f, on, fmt.Sprintf("%s, subscription %s", ch, s.Name), broker.Item{Channel: spec, Subscription: s, Read: true})
	}
}

// inbox adds where a stage takes replies, which all processes of the flow share.
func (p *planner) inbox(f *flow.Flow, address string, a replies.Answered) {
	services, name := a.Answers(address)
	if len(services) == 0 {
		return
	}
	ch := p.config.ChannelOf(services[0])
	if ch == nil {
		return
	}
	p.add(f, p.config.BrokerOf(ch), "replies to "+address, broker.Item{Channel: broker.Channel{
		Kind: broker.Queue, Address: broker.InboxAddress(name), Durable: true, Declare: true}, Read: true})
}

// deadLetters adds the queue FLOW.dead, where the flow opens it when it starts.
func (p *planner) deadLetters(f *flow.Flow) {
	on := p.config.SourceBroker(f)
	if !slices.Contains(p.brokers, on) {
		return // it is opened when a message fails
	}
	queue := f.DeadQueue()
	if queue == nil {
		return
	}
	if p.add(f, on, queue.String(), broker.Item{Channel: p.config.Spec(queue), Written: true}) {
		items := p.plans[slices.Index(p.brokers, on)].Items
		items[len(items)-1].asItIs = true
	}
}

// add adds an item once, and reports whether it was new.
func (p *planner) add(f *flow.Flow, on *flow.Broker, name string, item broker.Item) bool {
	i := slices.Index(p.brokers, on)
	if i < 0 {
		i = len(p.brokers)
		p.brokers = append(p.brokers, on)
		p.plans = append(p.plans, &BrokerPlan{Name: on.Name})
	}
	b := p.plans[i]
	for _, known := range b.Items {
		if known.Name == name {
			known.Read, known.Written = known.Read || item.Read, known.Written || item.Written
			if !slices.Contains(known.Flows, f.Name) {
				known.Flows = append(known.Flows, f.Name)
			}
			return false
		}
	}
	b.Items = append(b.Items, &PlanItem{Name: name, Flows: []string{f.Name}, Item: item})
	return true
}

// ask asks the broker.
func (b *BrokerPlan) ask(ctx context.Context, on *flow.Broker, instance string) error {
	u, transport, err := broker.Lookup(on.URL)
	if err != nil {
		return err
	}
	items := make([]broker.Item, len(b.Items))
	for i, item := range b.Items {
		items[i], item.State = item.Item, broker.Inside
	}
	if transport.Plan == nil {
		return nil
	}
	c, err := brokerConfig(on, u)
	if err != nil {
		return err
	}
	c.Instance = instance
	found, err := transport.Plan(ctx, c, items)
	if err == nil && len(found) != len(items) {
		err = errors.New("the broker's answer is incomplete")
	}
	if err != nil {
		return err
	}
	for i, f := range found {
		if b.Items[i].asItIs && f.State == broker.Conflict && len(f.Differences) > 0 {
			f.State, f.Note = broker.Fits, "it is used as it is"
		}
		b.Items[i].Finding = f
	}
	return nil
}
