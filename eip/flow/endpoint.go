package flow

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
	"github.com/eipd/eipd/eip/jsonschema"
)

// A Flow is a declared flow. Its options are those of its block.
type Flow struct {
	*FlowBlock
	// Service is what is said of a service, whose other options the FlowBlock has; nil: it
	// is a flow.
	Service *ServiceBlock
	Range   hcl.Range
	// Endpoints are where the flow sends to, each once, in the order in which they are
	// first named.
	Endpoints []*Endpoint

	limits    *expression.Limits
	beside    []eip.Stage // of interceptors, which what it sends passes
	block     *syntax.Block
	said      []byte // a digest of it
	single    string // what one process has at a time that runs the flow; "": all may run it
	endpoints map[Ref]*Endpoint
	parts     map[string]*syntax.Block // stages, and the blocks in them, by address
	ways      []intercepted
	// uses counts how often the flow names a channel or adapter to send to, and
	// lastResort how often of these as its dead_letter or invalid_message.
	uses, lastResort map[Ref]int
}

// newDecl is a flow before it is decoded.
func newDecl(b *syntax.Block) *Flow {
	return &Flow{FlowBlock: newFlow(), Range: b.Range(), block: b, endpoints: map[Ref]*Endpoint{}, parts: map[string]*syntax.Block{}, uses: map[Ref]int{}, lastResort: map[Ref]int{}}
}

// Beside returns the stages of interceptors that messages pass when they are sent.
func (f *Flow) Beside() []eip.Stage { return f.beside }

// Stages returns all stages of the flow: those of its body, with what interceptors put
// before them, and those beside it.
func (f *Flow) Stages() []eip.Stage { return slices.Concat(f.Body.Stages, f.beside) }

// StageKind returns the kind of the stage that has an address, as flow files name it.
func (f *Flow) StageKind(address string) string {
	if b := f.parts[address]; b != nil {
		return b.Type
	}
	return ""
}

// Refs returns what the flow reads, and then what it sends to.
func (f *Flow) Refs() (all []Ref) {
	for _, from := range f.From {
		all = append(all, from.Ref)
	}
	for _, e := range f.Endpoints {
		all = append(all, e.Ref)
	}
	return all
}

// SendsTo reports whether the flow's stages or its `to` name a channel, apart from its
// dead-letter and invalid-message channels.
func (f *Flow) SendsTo(r Ref) bool { return f.lastResort[r] < f.uses[r] }

// IsLastResort reports whether a channel is the flow's dead-letter or invalid-message
// channel, or one of these.
func (f *Flow) IsLastResort(r Ref) bool { return f.lastResort[r] > 0 }

// Claim is how the flow reads its channels. One that is Exclusive needs a name that no
// other process gives it.
func (f *Flow) Claim() broker.Subscription {
	prefetch := f.Prefetch
	if f.Poll != nil && f.Poll.Batch > 0 {
		prefetch = min(prefetch, f.Poll.Batch)
	}
	return broker.Subscription{Name: f.Subscription, Durable: f.Durable, Exclusive: !f.Shared, Pattern: f.Pattern, Select: f.Select, Prefetch: prefetch,
		Ordered: f.OrderBy != nil || f.Retry.Ordered, Single: f.single, Key: f.BindingKey, Match: f.Match, Address: f.SubscriptionAddress, Arguments: f.SubscriptionArguments}
}

// DeadQueue is the queue FLOW.dead, of a flow that names no dead-letter channel; nil of
// a service.
func (f *Flow) DeadQueue() *Channel {
	if f.Service != nil {
		return nil
	}
	queue := &Channel{Ref: Ref{"queue", f.Name + ".dead"}, WrittenBy: []string{f.Name}}
	queue.ChannelBlock = newChannel()
	queue.Address = queue.Name
	return queue
}

// An Endpoint is the sending side of a channel or adapter within one flow: what a
// reference in a flow file becomes. Who runs the flow binds it to what is open.
type Endpoint struct {
	Ref
	oneWay bool               // what it leads to never replies
	schema *jsonschema.Schema // that what it sends must fit; nil: none
	send   eip.Handler
	inbox  func(ctx context.Context, name string) (eip.Inbox, error)
	read   func(ctx context.Context) (eip.Inbox, error)

	before  []eip.Stage // of interceptors
	through eip.Handler // by which stages send; nil: there are none
}

// Bind has the Endpoint send to what is open. A channel's takes replies in inboxes beside
// it, and can be read as one; of an adapter both are nil. It is called before the flow's
// first message.
func (e *Endpoint) Bind(send eip.Handler, inbox func(ctx context.Context, name string) (eip.Inbox, error), read func(ctx context.Context) (eip.Inbox, error)) {
	e.send, e.inbox, e.read = send, inbox, read
}

// OneWay reports whether what the Endpoint leads to never replies.
func (e *Endpoint) OneWay() bool { return e.oneWay }

// Handle sends m to what the Endpoint is bound to.
func (e *Endpoint) Handle(ctx context.Context, m *eip.Message) error {
	if e.send == nil {
		return fmt.Errorf("send to %s: it is not open", e.Ref)
	}
	if e.schema != nil {
		if err := e.schema.Check(ctx, m); err != nil {
			return fmt.Errorf("send to %s: %w", e.Ref, err)
		}
	}
	return e.send.Handle(ctx, m)
}

// side is an Endpoint where a stage or body sends to it.
type side struct {
	*Endpoint
	direct bool // past interceptors: dead letters, and what interceptors send
}

func (e side) Handle(ctx context.Context, m *eip.Message) error {
	if e.through != nil && !e.direct {
		return e.through.Handle(ctx, m)
	}
	return e.Endpoint.Handle(ctx, m)
}

// channelSide can take replies as well.
type channelSide struct{ side }

func (e channelSide) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	if e.inbox == nil {
		return nil, fmt.Errorf("open an inbox beside %s: it is not open", e.Ref)
	}
	return e.inbox(ctx, name)
}

// Read opens the channel for a stage that reads it.
func (e channelSide) Read(ctx context.Context) (eip.Inbox, error) {
	if e.read == nil {
		return nil, fmt.Errorf("read %s: it is not open", e.Ref)
	}
	return e.read(ctx)
}

// ChannelOf returns the channel that h sends to; nil where it is none of c, or several.
func (c *Config) ChannelOf(h eip.Handler) *Channel { return c.Channels[NameOf(h)] }

// NameOf returns the name of the channel or adapter that h, of a flow file, sends to; ""
// where there are several.
func NameOf(h eip.Handler) string {
	switch e := h.(type) {
	case channelSide:
		return e.String()
	case side:
		return e.String()
	}
	return ""
}

// endpoint returns a flow's endpoint for a reference; one for all places that name it.
func (c *Config) endpoint(f *Flow, r Ref, direct bool) eip.Handler {
	f.uses[r]++
	e := f.endpoints[r]
	if e == nil {
		e = &Endpoint{Ref: r}
		if a := c.adapterOf(r); a != nil {
			o, ok := a.Component.(adapter.OneWay)
			e.oneWay = ok && o.OneWay()
		}
		if ch := c.Channels[r.String()]; ch != nil {
			e.schema = ch.Schema.Schema
		}
		f.endpoints[r] = e
		f.Endpoints = append(f.Endpoints, e)
	}
	if r.Kind == "adapter" {
		return side{e, direct}
	}
	return channelSide{side{e, direct}}
}
