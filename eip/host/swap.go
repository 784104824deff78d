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
	"github.com/eipd/eipd/eip/manage/control"
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
	_, err := u.swap(ctx, c, false, flows...)
	return err
}

// exchange is what a swap is about.
type exchange struct {
	config            *flow.Config
	flows             []*flowRun // that run afterwards
	gone, fresh, kept []*flowRun
}

// swap is Swap by who holds the lifecycle lock. A dry run only says what it would do.
func (u *Unit) swap(ctx context.Context, c *flow.Config, dryRun bool, names ...string) (did control.Applied, err error) {
	h := u.host
	h.secrets.Join(c.Secrets())
	defer func() { err = h.secrets.Error(err) }()
	if u.stopping.Load() {
		return did, errStopping
	}
	if err := h.clash(c, u); err != nil {
		return did, err
	}
	x, err := u.compare(c, names)
	if err != nil {
		return did, err
	}
	did = x.says()
	if dryRun {
		for _, r := range x.fresh {
			r.giveUp()
		}
		return did, nil
	}
	ctx, cancel := h.whileRunning(ctx)
	defer cancel()
	return did, u.exchange(ctx, c, x)
}

// compare builds what c has, and finds what of it runs already.
func (u *Unit) compare(c *flow.Config, names []string) (x *exchange, err error) {
	x = &exchange{}
	if x.config, x.flows, err = u.build(c, names); err != nil {
		return nil, err
	}
	_, old := u.now()
	kept := same(old, x.flows)
	for _, r := range old {
		if kept[r.decl.Name] == nil {
			x.gone = append(x.gone, r)
		}
	}
	for i, r := range x.flows {
		if k := kept[r.decl.Name]; k != nil {
			r.giveUp() // it is not needed
			x.flows[i] = k
			x.kept = append(x.kept, k)
			continue
		}
		x.fresh = append(x.fresh, r)
	}
	return x, nil
}

// says names what becomes of which flow.
func (x *exchange) says() control.Applied {
	did := control.Applied{Flows: namesOf(x.flows), Same: namesOf(x.kept), Changed: []string{}, New: []string{}, Gone: []string{}}
	fresh, gone := namesOf(x.fresh), namesOf(x.gone)
	for _, name := range fresh {
		if slices.Contains(gone, name) {
			did.Changed = append(did.Changed, name)
		} else {
			did.New = append(did.New, name)
		}
	}
	for _, name := range gone {
		if !slices.Contains(fresh, name) {
			did.Gone = append(did.Gone, name)
		}
	}
	return did
}

// exchange has the flows of x run, in the place of those of c's.
func (u *Unit) exchange(ctx context.Context, c *flow.Config, x *exchange) error {
	h := u.host
	defer h.forget()
	h.brokers.hold(c, x.gone, slices.Collect(maps.Values(x.config.Brokers)))
	defer func() {
		if err := h.brokers.release(c); err != nil {
			h.log.Warn("a broker that no flow uses any more has not closed well", slog.Any("error", err))
		}
	}()
	running := retire(x.gone)
	if left := errors.Join(u.finish(x.gone), closeFlows(x.gone)); left != nil {
		h.log.Warn("flows made room for others with messages unsettled; they will be delivered again", slog.Any("flows", namesOf(x.gone)), slog.Any("error", left))
	}
	u.forgetDeadLetters()
	if err := u.start(ctx, x.fresh); err != nil {
		err = errors.Join(err, closeFlows(x.fresh))
		u.forgetDeadLetters()
		return u.restore(x.gone, running, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.config, u.flows = x.config, x.flows
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

func namesOf(flows []*flowRun) []string {
	names := []string{}
	for _, r := range flows {
		names = append(names, r.decl.Name)
	}
	return names
}
