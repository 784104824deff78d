package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/eipd/eipd/eip/flow"
)

// Swap has the Unit run flows of c, of these names (none: all that are enabled), in the
// place of those that it runs. A flow that is the same in both goes on as it is, with
// what it has in flight; see [flow.Config.Fingerprint]. The others are stopped, and then
// those of c are started. Where that fails, flows run as they did before.
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
			flows[i] = k
			continue
		}
		fresh = append(fresh, r)
	}
	if left := errors.Join(u.finish(gone), closeFlows(gone)); left != nil {
		h.log.Warn("flows made room for others with messages unsettled; they will be delivered again", slog.Any("flows", namesOf(gone)), slog.Any("error", left))
	}
	if err := u.start(ctx, fresh); err != nil {
		err = errors.Join(err, closeFlows(fresh))
		return u.restore(ctx, gone, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.source, u.config, u.flows = c, config, flows
	return nil
}

// restore starts the flows again that were to make room, and returns why they are
// not to.
func (u *Unit) restore(ctx context.Context, gone []*flowRun, why error) error {
	if len(gone) == 0 {
		return fmt.Errorf("%w; its flows run as they were", why)
	}
	config, again, err := u.build(u.source, namesOf(gone))
	if err == nil {
		err = u.start(ctx, again)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.flows = slices.Clone(u.flows)
	if err != nil {
		u.flows = slices.DeleteFunc(u.flows, func(r *flowRun) bool { return slices.Contains(gone, r) })
		return errors.Join(why, err, closeFlows(again))
	}
	u.config = config
	for i, r := range u.flows {
		if at := slices.Index(gone, r); at >= 0 {
			u.flows[i] = again[at]
		}
	}
	return fmt.Errorf("%w; its flows run as they were", why)
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
