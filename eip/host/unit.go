package host

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
)

// A Unit is a flow.Config that a Host runs.
type Unit struct {
	host  *Host
	file  string         // that the control bus applied; "": none
	vars  map[string]any // that it was applied with
	first *flow.Config   // that it was started with
	names []string       // of the flows that were picked then; none: all that are enabled

	mu          sync.Mutex // guards these
	config      *flow.Config
	flows       []*flowRun
	without     []string               // flows that have made room for another file's
	deadLetters map[*flow.Channel]bool // of brokers: those that are open

	context  context.Context // of the flows
	cancel   context.CancelFunc
	abort    context.Context // ends with the grace
	giveUp   context.CancelFunc
	stopping atomic.Bool
}

func (h *Host) newUnit(ctx context.Context, file string, c *flow.Config, names []string) *Unit {
	u := &Unit{host: h, file: file, first: c, names: names, deadLetters: map[*flow.Channel]bool{}}
	u.context, u.cancel = context.WithCancel(context.WithoutCancel(ctx))
	u.abort, u.giveUp = context.WithCancel(h.abort)
	return u
}

// build makes flows of a Config that nothing else has.
func (u *Unit) build(c *flow.Config, names []string) (built *flow.Config, flows []*flowRun, err error) {
	if built, err = c.Build(u.host.options.Clock); err != nil {
		return nil, nil, err
	}
	if replace := u.host.options.Built; replace != nil {
		if err := replace(built); err != nil {
			return nil, nil, err
		}
	}
	picked, err := built.Pick(names...)
	if err != nil {
		return nil, nil, err
	}
	n := len(picked)
	for _, other := range u.host.flows() {
		if other.unit != u {
			n++
		}
	}
	for _, f := range picked {
		flows = append(flows, newFlowRun(u, built, f, budget(u.host.options.Memory, f.PrefetchBytes, n)))
	}
	return built, flows, nil
}

// budget is how much memory the unsettled messages of one of n flows may take: what the
// flow says, or an equal share of what the process has for all flows.
func budget(memory, own eip.Bytes, n int) eip.Bytes {
	if memory == 0 {
		return own
	}
	const part = 3 // the rest is for what is made of messages, and for garbage
	return min(own, max(memory/part/eip.Bytes(n), 1))
}

// now returns what the Unit runs at present.
func (u *Unit) now() (*flow.Config, []*flowRun) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.config, u.flows
}

// FlowNames returns the names of the flows that the Unit runs, in the order of the
// files.
func (u *Unit) FlowNames() []string {
	_, flows := u.now()
	return namesOf(flows)
}

// start opens and runs flows of the Unit.
func (u *Unit) start(ctx context.Context, flows []*flowRun) error {
	if err := u.open(ctx, flows); err != nil {
		return err
	}
	return u.run(ctx, flows)
}

// open opens everything that flows need.
func (u *Unit) open(ctx context.Context, flows []*flowRun) error {
	for _, open := range []func(*flowRun, context.Context) error{(*flowRun).openSources, (*flowRun).openEndpoints, (*flowRun).openDeadLetters} {
		if err := each(ctx, flows, open); err != nil {
			return err
		}
	}
	return nil
}

// openedAtOnce is for how many flows something is opened at once: a broker is asked
// several things for each.
const openedAtOnce = 32

// each opens something for every flow. It returns the first error, but none of a broker
// that hinders the flow.
func each(ctx context.Context, flows []*flowRun, open func(*flowRun, context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	turns, failed := make(chan struct{}, openedAtOnce), make(chan error, len(flows))
	for _, r := range flows {
		turns <- struct{}{}
		if len(failed) > 0 {
			break
		}
		do := func() {
			if err := open(r, ctx); err != nil && !r.hinder(err) {
				failed <- err
				cancel() // the others
			}
			<-turns
		}
		if r.alone() {
			do()
			continue
		}
		all.Go(do)
	}
	all.Wait()
	close(failed)
	return <-failed
}

// run runs flows, and returns when they take messages. Where one fails to, none runs.
func (u *Unit) run(ctx context.Context, flows []*flowRun) (err error) {
	ready, failed := make(chan struct{}, len(flows)), make(chan error, len(flows))
	for _, r := range flows {
		r.begin(u.context, ready, failed)
	}
	for range flows {
		select {
		case <-ready:
			continue
		case err = <-failed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		for _, r := range flows {
			r.life.Load().cancel()
		}
		for _, r := range flows {
			<-r.life.Load().done
		}
		return err
	}
	return nil
}

// upstream finds which flows send to which, so that they can be stopped in the order
// in which messages go through them: what a flow has in flight may need those that
// come after it.
func upstream(flows []*flowRun) map[*flowRun][]*flowRun {
	before, state := map[*flowRun][]*flowRun{}, map[*flowRun]int{}
	var visit func(r *flowRun)
	visit = func(r *flowRun) {
		state[r] = 1
		for _, next := range flows {
			if !r.feeds(next) || next == r || state[next] == 1 { // of a circle, one is left out
				continue
			}
			before[next] = append(before[next], r)
			if state[next] == 0 {
				visit(next)
			}
		}
		state[r] = 2
	}
	for _, r := range flows {
		if state[r] == 0 {
			visit(r)
		}
	}
	return before
}

// Stop stops the flows, each when those that feed it are done: they take nothing
// more, and finish what is in flight until the grace is over. Then it closes what no
// other Unit uses. It returns an error that says what was left unsettled, if anything
// was; that will be delivered again.
func (u *Unit) Stop() error {
	_ = u.host.lifecycle.take(context.Background())
	defer u.host.lifecycle.end()
	return u.stop()
}

// stop is Stop by who holds the lifecycle lock.
func (u *Unit) stop() error {
	if !slices.Contains(u.host.all(), u) {
		return nil // it was stopped
	}
	u.host.leave(u)
	return u.host.secrets.Error(errors.Join(u.halt(), u.close()))
}

// halt ends the flows. It may be called again.
func (u *Unit) halt() error {
	u.stopping.Store(true)
	_, flows := u.now()
	err := u.finish(flows)
	u.cancel()
	u.giveUp()
	return err
}

// finish ends flows for good, all within one grace, each when those that feed it are
// done.
func (u *Unit) finish(flows []*flowRun) (err error) {
	defer time.AfterFunc(u.host.options.Grace, func() {
		for _, r := range flows {
			r.giveUp()
		}
	}).Stop()
	retire(flows)
	begun := slices.DeleteFunc(slices.Clone(flows), func(r *flowRun) bool { return r.life.Load() == nil }) // who starts these gives up
	before := upstream(begun)
	var wait sync.WaitGroup
	for _, r := range begun {
		wait.Go(func() {
			for _, up := range before[r] {
				select {
				case <-up.life.Load().done:
				case <-r.abort.Done():
				}
			}
			r.finish()
		})
	}
	wait.Wait()
	for _, r := range begun {
		err = errors.Join(err, r.life.Load().err)
	}
	return err
}

// retire keeps flows from being started or stopped by an operator any more, and returns
// those that ran.
func retire(flows []*flowRun) (running []*flowRun) {
	for _, r := range flows {
		r.retired.Store(true)
		if r.State() == control.Running {
			running = append(running, r)
		}
	}
	return running
}

// close closes what the flows have open.
func (u *Unit) close() error {
	u.cancel()
	u.giveUp()
	_, flows := u.now()
	return closeFlows(flows)
}
