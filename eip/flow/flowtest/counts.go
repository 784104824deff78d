package flowtest

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
)

// judgeCounts compares what a flow, a stage or a source has counted.
func (r *rig) judgeCounts(one *task, e *expectBlock) (v verdict) {
	got := r.counted(one.to)
	wanted := e.wanted()
	for _, name := range sorted(wanted) {
		if got[name] == int64(wanted[name]) {
			continue
		}
		v.never = v.never || got[name] > int64(wanted[name]) && name != "left"
		v.lines = append(v.lines, fmt.Sprintf("%s: %s = %d was expected, and it is %d", one.label, name, wanted[name], got[name]))
	}
	v.lines = append(v.lines, r.wrongBranches(one, e)...)
	v.ok = v.lines == nil
	return v
}

// wrongBranches compares how many messages went each way.
func (r *rig) wrongBranches(one *task, e *expectBlock) (lines []string) {
	if e.Branches == nil {
		return nil
	}
	got := map[string]int64{}
	if n := r.stage(one.to.name); n != nil {
		if c, ok := n.Stage.(eip.Counted); ok {
			got = c.Stats().Branches
		}
	}
	for _, name := range sorted(over(asAny(got), e.Branches)) {
		want, named := e.Branches[name]
		if !named {
			want = int64(0)
		}
		if wanted, ok := rational(want); !ok || wanted.Cmp(new(big.Rat).SetInt64(got[name])) != 0 {
			lines = append(lines, fmt.Sprintf("%s: %v went the way %q was expected, and it is %d", one.label, want, name, got[name]))
		}
	}
	return lines
}

func asAny[V any](m map[string]V) map[string]any {
	all := map[string]any{}
	for k, v := range m {
		all[k] = v
	}
	return all
}

// flow returns a flow that runs; nil: it does not.
func (r *rig) flow(name string) control.Flow {
	for _, f := range r.host.Flows() {
		if f.Name() == name {
			return f
		}
	}
	return nil
}

// stage returns a stage that runs; nil: it does not.
func (r *rig) stage(address string) *eip.Named {
	for _, f := range r.host.Flows() {
		for _, s := range f.Stages() {
			if s.Address == address {
				return s.Named
			}
		}
	}
	return nil
}

// counted is what a target has counted. Test Messages are counted with the others.
func (r *rig) counted(of target) map[string]int64 {
	var c stats.Counts
	switch of.kind {
	case source:
		return r.countSource(of.name)
	case aFlow:
		if f := r.flow(of.name); f != nil {
			c, _ = f.Counts()
		}
	default:
		if n := r.stage(of.name); n != nil {
			c, _ = n.Counts()
		}
	}
	return map[string]int64{"received": c.Received, "sent": c.Sent, "dropped": c.Dropped, "copies": c.Copies, "retried": c.Retried,
		"dead_lettered": c.DeadLettered, "invalid": c.Invalid, "returned": c.Returned}
}

// countSource is what became of the messages that flows take from a channel or adapter.
func (r *rig) countSource(name string) map[string]int64 {
	var returned, held int64
	for _, f := range r.host.Flows() {
		if slices.Contains(f.From(), name) {
			c, _ := f.Counts()
			returned, held = returned+c.Returned, held+c.InFlight
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return map[string]int64{"left": r.depth(name) + held, "returned": returned, "acked": r.taken[name] - held}
}

// took counts a message that a flow has taken, once. When the test's real time is over, no
// flow gets any further one, so that what goes round in a circle comes to an end.
func (r *rig) took(ctx context.Context, name string, m *eip.Message, err error) (*eip.Message, error) {
	if m == nil {
		return nil, err
	}
	if r.over() {
		m.Settle(eip.ErrClosed)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !m.Redelivered && !r.muted {
		r.taken[name]++
	}
	return m, err
}

// depth is how many messages wait in a channel, or in place of an adapter. The lock is held.
func (r *rig) depth(name string) (n int64) {
	if in := r.inputs[name]; in != nil {
		return int64(len(in.messages))
	}
	ch := r.places.config.Channels[name]
	if ch == nil {
		return 0
	}
	for _, b := range r.brokers {
		if b.name == cmp.Or(r.places.config.BrokerOf(ch).Name, "default") {
			n += int64(b.Depths(context.Background(), []broker.Item{{Channel: r.places.config.Spec(ch)}})[0].Messages)
		}
	}
	return n
}

// imbalance says which flow or stage has lost count of a message.
func (r *rig) imbalance() (lines []string) {
	check := func(address string, c stats.Counts) {
		if c.Received+c.Made != c.Sent+c.Failed+c.Dropped+c.Absorbed+c.InFlight || c.InFlight < 0 {
			lines = append(lines, fmt.Sprintf("%s: its counts do not add up: %+v", address, c))
		}
	}
	for _, f := range r.host.Flows() {
		c, _ := f.Counts()
		check("flow."+f.Name(), c)
		for _, s := range f.Stages() {
			c, _ := s.Counts()
			check("stage."+s.Address, c)
		}
	}
	return lines
}
