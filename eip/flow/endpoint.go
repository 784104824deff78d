package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/flow/internal/syntax"
)

// A Flow is a declared flow.
type Flow struct {
	*flowBlock
	Range hcl.Range

	block       *syntax.Block
	endpoints   map[ref]*endpoint
	order       []*endpoint // in which they are first named
	stageRanges map[string]hcl.Range
	stageKinds  map[string]string
	// uses counts how often the flow names a channel or adapter to send to, and
	// lastResort how often of these as its dead_letter or invalid_message.
	uses, lastResort map[ref]int
}

// An endpoint is the sending side of a channel or adapter within one flow: what a
// reference in a flow file becomes. It is bound to the open channel when the flow
// starts.
type endpoint struct {
	ref
	bound   eip.Handler
	inbox   func(ctx context.Context, name string) (eip.Inbox, error)
	running *running
	place   eip.Place
	traffic *eip.Traffic
	waits   bool // traffic learns from the bound sink what became of messages
	noTests bool // Test Messages are kept out
	oneWay  bool // what it leads to never replies
}

// bind has the endpoint send to an open sink.
func (e *endpoint) bind(r *running, to eip.Handler, place eip.Place) {
	e.traffic = r.process.traffic(e.ref)
	if c, ok := to.(eip.Confirmer); ok {
		c.ConfirmTo(e.traffic)
		e.waits = true
	}
	e.bound, e.running, e.place = to, r, place
}

func (e *endpoint) OneWay() bool { return e.oneWay }

func (e *endpoint) Handle(ctx context.Context, m *eip.Message) error {
	if e.bound == nil {
		return fmt.Errorf("send to %s: it is not open", e.ref)
	}
	test := m.IsTest()
	if !test || !e.noTests {
		if err := e.send(ctx, m); err != nil {
			return fmt.Errorf("send to %s: %w", e.ref, err)
		}
	}
	if test {
		e.running.sentTo(e.ref, m, e.noTests)
	}
	return nil
}

var errPanicked = errors.New("the sink panicked")

func (e *endpoint) send(ctx context.Context, m *eip.Message) error {
	e.traffic.Handed(m)
	err := errPanicked
	defer func() {
		if err != nil || !e.waits {
			e.traffic.Settled(m, err)
		}
	}()
	err = eip.Send(ctx, e.bound, m, e.place)
	return err
}

// channelEndpoint can take replies as well.
type channelEndpoint struct{ *endpoint }

func (e channelEndpoint) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	if e.inbox == nil {
		return nil, fmt.Errorf("open an inbox beside %s: it is not open", e.ref)
	}
	return e.inbox(ctx, name)
}

// endpoint returns the flow's endpoint for a reference; one for all places that
// name it. a is the adapter that is named, nil for a channel.
func (f *Flow) endpoint(r *located, a *Adapter) eip.Handler {
	f.uses[r.ref]++
	e := f.endpoints[r.ref]
	if e == nil {
		e = &endpoint{ref: r.ref}
		if a != nil {
			o, ok := a.Component.(adapter.OneWay)
			e.oneWay = ok && o.OneWay()
		}
		f.endpoints[r.ref] = e
		f.order = append(f.order, e)
	}
	if r.kind == "adapter" {
		return e
	}
	return channelEndpoint{e}
}
