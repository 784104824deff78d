package eip

import (
	"errors"
	"fmt"
	"sync"

	"github.com/eipd/eipd/eip/header"
)

// ErrNotRunning is why a flow takes no message.
var ErrNotRunning = errors.New("the flow is not running")

// gate is how messages come into a run beside its source's.
type gate struct {
	mu  sync.Mutex
	run *run // nil: closed
}

func (g *gate) open(x *run) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.run = x
}

// pass counts m as in flight before the run can end.
func (g *gate) pass(m *Message, e *attemptState) (*run, *Message) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.run == nil {
		return nil, nil
	}
	return g.run, g.run.take(m, e)
}

// Inject passes m through the flow as if its source had given it, in whatever lane
// its key says, and between two of the source's messages. It does not wait for the
// window. m must be one that New or Fork made, and is settled as usual; where the
// flow does not run, with the error that is returned.
func (f *Flow) Inject(m *Message) error { return f.inject(m, nil, nil) }

// Replay is Inject of a message that has failed before. Where it fails for good once
// more, failed is called with why, before the message settles. One that a stage of the flow made, as
// the header eip-after says, passes what follows that stage.
func (f *Flow) Replay(m *Message, failed func(error)) error {
	e, own := &attemptState{failed: failed}, (*lane)(nil)
	if m.Headers[header.Undo] != nil {
		err := fmt.Errorf("replay into %s: what was done before the message failed was undone, so it cannot go on from there; send it anew", f.Name)
		m.receipt.release(err)
		return err
	}
	if named := m.Headers[header.After]; named != nil {
		after, _ := named.(string)
		maker, ok := f.makers.Load(after)
		if !ok {
			err := fmt.Errorf("replay into %s: there is no stage %.100q that makes messages", f.Name, after)
			m.receipt.release(err)
			return err
		}
		link := maker.(*chainLink)
		e.head, e.after, own = link.outlet(), after, link.lane()
		m = m.Without(header.After)
	}
	return f.inject(m, e, own)
}

// inject passes m in a lane; nil: in that of its key.
func (f *Flow) inject(m *Message, e *attemptState, l *lane) error {
	x, taken := f.running.pass(m, e)
	if x == nil {
		err := fmt.Errorf("inject into %s: %w", f.Name, ErrNotRunning)
		m.receipt.release(err)
		return err
	}
	m = taken
	if l == nil {
		var err error
		if l, err = x.anyLane(m); err != nil {
			m.receipt.release(err)
			return nil
		}
	}
	x.deliver(l, m)
	return nil
}

func (x *run) anyLane(m *Message) (*lane, error) {
	if x.OrderBy == nil || x.Concurrency == 1 {
		return &x.lanes[0], nil
	}
	return x.laneOf(m)
}
