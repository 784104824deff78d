package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/eipd/eipd/eip/flow"
)

// Swap has the Unit run flows of c, of these names (none: all that are enabled), in the
// place of those that it runs. A flow that is the same in both goes on as it is, with
// what it has in flight; see [flow.Config.Fingerprint]. The others are stopped, and then
// those of c are started. Where that fails, flows run as they did before: with what was
// set and counted, and those stopped that were.
func (u *Unit) Swap(ctx context.Context, c *flow.Config, flows ...string) error {
	if err := u.host.lifecycle.take(ctx); err != nil {
		return err
	}
	defer u.host.lifecycle.end()
	return u.swap(ctx, c, flows...)
}

// swap is Swap by who holds the lifecycle lock.
func (u *Unit) swap(ctx context.Context, c *flow.Config, names ...string) (err error) {
	h := u.host
	h.secrets.Join(c.Secrets())
	defer func() { err = h.secrets.Error(err) }()
	if u.stopping.Load() {
		return errStopping
	}
	if err := h.clash(c, u); err != nil {
		return err
	}
	ctx, cancel := h.whileRunning(ctx)
	defer cancel()
	config, flows, err := u.build(c, names)
	if err != nil {
		return err
	}
	_, old := u.now()
	kept := same(old, flows)
	var gone, fresh []*flowRun
	for _, r := range old {
		if kept[r.decl.Name] == nil {
			gone = append(gone, r)
		}
	}
	for i, r := range flows {
		if k := kept[r.decl.Name]; k != nil {
			r.giveUp() // it is not needed
			flows[i] = k
			continue
		}
		fresh = append(fresh, r)
	}
	defer h.forget()
	h.brokers.hold(c, gone, slices.Collect(maps.Values(config.Brokers)))
	defer func() {
		if err := h.brokers.release(c); err != nil {
			h.log.Warn("a broker that no flow uses any more has not closed well", slog.Any("error", err))
		}
	}()
	running := retire(gone)
	if left := errors.Join(u.finish(gone), closeFlows(gone)); left != nil {
		h.log.Warn("flows made room for others with messages unsettled; they will be delivered again", slog.Any("flows", namesOf(gone)), slog.Any("error", left))
	}
	u.forgetDeadLetters()
	if err := u.start(ctx, fresh); err != nil {
		err = errors.Join(err, closeFlows(fresh))
		u.forgetDeadLetters()
		return u.restore(gone, running, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.config, u.flows = config, flows
	return nil
}

// restore has the flows back that were to make room, and starts those that ran. It
// returns why they are not to make room.
func (u *Unit) restore(gone, running []*flowRun, why error) error {
	_, flows := u.now()
	flows = slices.Clone(flows)
	var again []*flowRun
	for i, r := range flows {
		if slices.Contains(gone, r) {
			flows[i] = r.again()
		}
		if slices.Contains(running, r) {
			again = append(again, flows[i])
		}
	}
	if err := u.start(u.context, again); err != nil {
		why = errors.Join(why, fmt.Errorf("its flows %s are stopped, as they cannot be started again: %w", strings.Join(namesOf(again), ", "), err), closeFlows(again))
		for i, r := range flows {
			if slices.Contains(again, r) {
				flows[i] = r.again()
			}
		}
	} else {
		why = fmt.Errorf("%w; its flows run as they were", why)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.flows = flows
	return why
}

// again returns the flow, which was closed, as one that is stopped: its stages are the
// same, with what was set there, it goes on counting, and its brokers stay open.
func (r *flowRun) again() *flowRun {
	a := newFlowRun(r.unit, r.config, r.decl, r.budget)
	r.flow.Abort, r.flow.DeadLetter = a.flow.Abort, a.flow.DeadLetter
	a.flow = r.flow
	for _, of := range r.decl.Refs() {
		if ch := r.config.Channels[of.String()]; ch != nil {
			r.unit.host.brokers.use(r.unit.shared(r.config.BrokerOf(ch)), a)
		}
	}
	l := &life{done: make(chan struct{})}
	l.context, l.cancel = context.WithCancel(r.unit.context)
	l.cancel()
	close(l.done)
	a.life.Store(l)
	return a
}

// same returns the flows, by their names, that the others do not change. An adapter is
// one thing to all flows that use it: where one of them changes, all do.
func same(old, others []*flowRun) map[string]*flowRun {
	kept, print := map[string]*flowRun{}, map[string]string{}
	for _, r := range others {
		print[r.decl.Name] = r.config.Fingerprint(r.decl)
	}
	for _, r := range old {
		if print[r.decl.Name] == r.config.Fingerprint(r.decl) {
			kept[r.decl.Name] = r
		}
	}
	for changed := true; changed; {
		changed = false
		moved := map[string]bool{}
		for _, r := range slices.Concat(old, others) {
			if kept[r.decl.Name] == nil {
				for _, a := range r.adapters() {
					moved[a] = true
				}
			}
		}
		for name, r := range kept {
			if slices.ContainsFunc(r.adapters(), func(a string) bool { return moved[a] }) {
				delete(kept, name)
				changed = true
			}
		}
	}
	return kept
}

// adapters are the names of those that the flow uses.
func (r *flowRun) adapters() (all []string) {
	for _, of := range r.decl.Refs() {
		if of.Kind == "adapter" {
			all = append(all, of.Name)
		}
	}
	return all
}

func closeFlows(flows []*flowRun) (err error) {
	for _, r := range flows {
		err = errors.Join(err, r.close())
	}
	return err
}

func namesOf(flows []*flowRun) (names []string) {
	for _, r := range flows {
		names = append(names, r.decl.Name)
	}
	return names
}
