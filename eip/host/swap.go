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
	_, err := u.swap(ctx, c, swapping{names: flows})
	return err
}

// swapping says how a Config takes the place of another.
type swapping struct {
	dryRun  bool
	replace bool     // flows of the same names that were applied make room too
	names   []string // of the flows to pick; none: all that are enabled
	without []string // of those that are others' by now
}

// exchange is what a swap is about.
type exchange struct {
	config            *flow.Config
	flows             []*flowRun // that run afterwards
	gone, fresh, kept []*flowRun
}

// swap is Swap by who holds the lifecycle lock. A dry run only says what it would do.
func (u *Unit) swap(ctx context.Context, c *flow.Config, s swapping) (did control.Applied, err error) {
	h := u.host
	h.secrets.Join(c.Secrets())
	defer func() { err = h.secrets.Error(err) }()
	if u.stopping.Load() || h.Draining() {
		return did, errStopping
	}
	others, err := h.clash(c, u, s)
	if err != nil {
		return did, err
	}
	x, err := u.compare(c, s)
	if err != nil {
		return did, err
	}
	x.gone = append(x.gone, others...)
	did = x.says()
	if s.dryRun {
		for _, r := range x.fresh {
			r.giveUp()
		}
		return did, nil
	}
	ctx, cancel := h.whileRunning(ctx)
	defer cancel()
	return did, u.exchange(ctx, c, x, s)
}

// compare builds what c has, and finds what of it runs already.
func (u *Unit) compare(c *flow.Config, s swapping) (x *exchange, err error) {
	x = &exchange{}
	if x.config, x.flows, err = u.build(c, s.names); err != nil {
		return nil, err
	}
	x.flows = slices.DeleteFunc(x.flows, func(r *flowRun) bool {
		others := slices.Contains(s.without, r.decl.Name)
		if others {
			r.giveUp()
		}
		return others
	})
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
func (u *Unit) exchange(ctx context.Context, c *flow.Config, x *exchange, s swapping) error {
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
	units := x.units(u)
	forget := func() {
		for _, of := range units {
			of.forgetDeadLetters()
		}
	}
	forget()
	if err := u.start(ctx, x.fresh); err != nil {
		err = errors.Join(err, closeFlows(x.fresh))
		forget()
		var left error
		for _, of := range units {
			left = errors.Join(left, of.restore(x.gone, running))
		}
		if left == nil && len(x.gone)+len(x.kept) > 0 {
			return fmt.Errorf("%w; its flows run as they were", err)
		}
		return errors.Join(err, left)
	}
	u.mu.Lock()
	u.config, u.flows, u.without = x.config, x.flows, s.without
	u.mu.Unlock()
	if !slices.Contains(h.all(), u) {
		h.enter(u)
	}
	for _, of := range units[1:] {
		of.lose(x.gone)
	}
	return nil
}

// units are those whose flows the exchange is about: u, and then others that lose some.
func (x *exchange) units(u *Unit) []*Unit {
	units := []*Unit{u}
	for _, r := range x.gone {
		if !slices.Contains(units, r.unit) {
			units = append(units, r.unit)
		}
	}
	return units
}

// lose drops flows that have made room for another Unit's. Without any, the Unit ends.
func (u *Unit) lose(gone []*flowRun) {
	u.mu.Lock()
	u.flows = slices.DeleteFunc(slices.Clone(u.flows), func(r *flowRun) bool {
		lost := slices.Contains(gone, r)
		if lost {
			u.without = append(u.without, r.decl.Name)
		}
		return lost
	})
	left := len(u.flows)
	u.mu.Unlock()
	if left > 0 {
		return
	}
	if err := u.stop(); err != nil {
		u.host.log.Warn("a flow file that has no flows any more has not ended well", slog.String("file", u.file), slog.Any("error", err))
	}
}

// restore has the flows back that were to make room, and starts those that ran.
func (u *Unit) restore(gone, running []*flowRun) (left error) {
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
		left = errors.Join(fmt.Errorf("its flows %s are stopped, as they cannot be started again: %w", strings.Join(namesOf(again), ", "), err), closeFlows(again))
		for i, r := range flows {
			if slices.Contains(again, r) {
				flows[i] = r.again()
			}
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.flows = flows
	return left
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
