package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
	"github.com/eipd/eipd/internal/secret"
)

// Options say how a Host runs flows.
type Options struct {
	DataDir  string // what must outlive the process is kept there; "": nothing is
	Instance string
	// Labels are what commands of the control bus may choose the process by.
	Labels  []string
	Grace   time.Duration  // for what is in flight at the end; 0 means 30 s
	Log     *slog.Logger   // nil: silent
	Clock   eip.Clock      // of flows, and of brokers and adapters inside the process
	Version string         // of the program, for the control bus
	Level   *slog.LevelVar // what Log logs, for the control bus to change; nil: it cannot
	// Tracer makes what follows the messages of a flow. It is told where they come
	// from, by their Channel. nil: nobody follows them.
	Tracer func(flow string, from map[string]eip.Place) eip.Tracer
	Stdin  io.Reader
	Stdout io.Writer
	// OpenPositions opens the store of adapters' positions in a folder. It is called
	// when an adapter needs it and the default broker does not keep them.
	OpenPositions func(dir string) (PositionStore, error)
	// FlowsDir is the folder of the flow files that the control bus may apply; "":
	// none. Which were applied is kept in DataDir, where there is one: the first Unit's
	// start applies them again.
	FlowsDir string
	// Answering, where set, is called once the process can say how it does, before the
	// first Unit opens anything. An error of it is Start's.
	Answering func(*Host) error
	// NoRates has the control bus tell none: nothing wakes the process each second.
	NoRates bool
	// Memory is what the process is to get by with: the flows' budgets in bytes share
	// a third of it. 0: each has its own.
	Memory eip.Bytes
	// Load is how Run loads its files: variables, the default broker.
	Load flow.Options
	// Pick names the flows that Reload runs of what it has loaded, as Start's flows do;
	// nil: those that Start was given.
	Pick func(*flow.Config) ([]string, error)
	// Built, where set, may change what a Config was built into, before anything of it is
	// opened: a test puts its stand-ins there.
	Built func(*flow.Config) error
	// OpenBroker, where set, opens a broker in place of what its URL names.
	OpenBroker func(ctx context.Context, declared *flow.Broker, c broker.Config) (broker.Broker, error)
	// Reloading, where set, is called before a Reload changes anything, and what it
	// returns when that has ended, however it did.
	Reloading func() (done func())
}

// A PositionStore keeps adapters' positions in a file.
type PositionStore interface {
	adapter.Positions
	io.Closer
}

// A Host runs Units. Its methods are safe for concurrent use.
type Host struct {
	options   Options
	started   time.Time
	lifecycle lifecycleLock        // held by who starts, replaces or stops a Unit
	main      atomic.Pointer[Unit] // the first; nil before it
	mu        sync.Mutex           // guards units
	units     []*Unit              // in the order of the files that were applied, after the others
	unapplied []unapplied          // files that are to be applied, and cannot be; guarded by mu
	secrets   secret.Set           // of all Units that there were
	log       *slog.Logger         // hides them
	brokers   brokers
	positions *positions
	stores    stores
	counted   counted
	depths    depths
	keeping   sync.Mutex // of the last resort, which counts what it has
	steps     atomic.Pointer[func(control.Step)]
	control   *control.Server
	beside    sync.WaitGroup  // what reloads by signals and files
	context   context.Context // ends when it is to stop
	cancel    context.CancelFunc
	abort     context.Context // ends what is in flight
	giveUp    context.CancelFunc
	end       func() error // close, once
}

// New returns a Host that runs nothing yet. It is of no more use after Stop.
func New(o Options) *Host {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	h := &Host{options: o, started: time.Now(), lifecycle: newLifecycleLock()}
	h.log, h.positions, h.end = h.secrets.Log(o.Log), &positions{host: h}, sync.OnceValue(h.close)
	h.context, h.cancel = context.WithCancel(context.Background())
	h.abort, h.giveUp = context.WithCancel(context.Background())
	return h
}

// Start opens everything that the flows of these names need (none: all that are
// enabled), and runs them. It returns when all of them take messages, or with the error
// that kept one from it; a broker that is away is waited for. The flows run until the
// Unit or the Host is stopped. c may be started any number of times, at once too; in
// one Host, names of flows are of one Unit.
func (h *Host) Start(ctx context.Context, c *flow.Config, flows ...string) (*Unit, error) {
	if err := h.lifecycle.take(ctx); err != nil {
		return nil, err
	}
	defer h.lifecycle.end()
	return h.start(ctx, c, flows...)
}

// start is Start by who holds the lifecycle lock.
func (h *Host) start(ctx context.Context, c *flow.Config, flows ...string) (u *Unit, err error) {
	defer func() { err = h.secrets.Error(err) }()
	if h.Draining() {
		return nil, errStopping
	}
	if _, err := h.clash(c, nil, swapping{}); err != nil {
		return nil, err
	}
	h.secrets.Join(c.Secrets())
	u = h.newUnit(ctx, "", c, flows)
	ctx, cancel := h.whileRunning(ctx)
	defer cancel()
	main := h.main.CompareAndSwap(nil, u)
	if u.config, u.flows, err = u.build(c, flows); err != nil {
		if main {
			h.main.Store(nil)
		}
		return nil, errors.Join(err, u.close())
	}
	if main {
		h.enter(u)
		if err := h.startMain(ctx, u); err != nil {
			h.cancel()
			err = errors.Join(err, h.end())
			h.leave(u)
			return nil, err
		}
		return u, nil
	}
	if err := u.start(ctx, u.flows); err != nil {
		return nil, errors.Join(err, u.close())
	}
	h.enter(u)
	h.forget()
	return u, nil
}

// whileRunning returns a ctx that ends with the Host too, which waits for nobody who
// starts something.
func (h *Host) whileRunning(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(h.context, cancel)
	return ctx, func() { stop(); cancel() }
}

// startMain starts the first Unit, and the control bus with it, and then what was applied
// before.
func (h *Host) startMain(ctx context.Context, u *Unit) error {
	begun := make(chan struct{})
	h.control = h.newControl(begun)
	if h.options.Answering != nil {
		if err := h.options.Answering(h); err != nil {
			return err
		}
	}
	if err := u.open(ctx, u.flows); err != nil {
		return err
	}
	opened := h.serve(ctx)
	if err := u.run(ctx, u.flows); err != nil {
		return err
	}
	h.recall(ctx)
	close(begun)
	h.tellForgotten(u.config)
	await(ctx, opened, waitForTopic)
	return nil
}

// clash refuses what has flows whose names others than u have, but for those that are to
// make room, which it returns.
func (h *Host) clash(c *flow.Config, u *Unit, s swapping) (others []*flowRun, err error) {
	for _, r := range h.flows() {
		switch name := r.decl.Name; {
		case r.unit == u, !slices.Contains(c.FlowNames(), name), slices.Contains(s.without, name):
		case r.unit.file == "":
			return nil, fmt.Errorf("there is a flow %s already, of the files that the process was started with", name)
		case !s.replace:
			return nil, fmt.Errorf("there is a flow %s already, of %s; with replace = true, apply has that one make room", name, r.unit.file)
		default:
			others = append(others, r)
		}
	}
	return others, nil
}

// enter and leave say which Units the Host has.
func (h *Host) enter(u *Unit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.units = append(slices.Clone(h.units), u)
	slices.SortStableFunc(h.units, func(a, b *Unit) int { return cmp.Compare(a.file, b.file) })
}

func (h *Host) leave(u *Unit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.units = slices.DeleteFunc(slices.Clone(h.units), func(x *Unit) bool { return x == u })
}

// Stop stops all Units at once: their flows take nothing more, and finish what is in
// flight until the grace is over. Then it closes what they share. It returns an error
// that says what was left unsettled, if anything was; that will be delivered again.
func (h *Host) Stop() error {
	h.cancel()
	_ = h.halt()
	_ = h.lifecycle.take(context.Background()) // who starts a Unit is done now
	defer h.lifecycle.end()
	return h.secrets.Error(errors.Join(h.halt(), h.end()))
}

// halt ends the flows of all Units.
func (h *Host) halt() (err error) {
	var wait sync.WaitGroup
	units := h.all()
	left := make([]error, len(units))
	for i, u := range units {
		wait.Go(func() { left[i] = u.halt() })
	}
	wait.Wait()
	return errors.Join(left...)
}

// close closes what is open, the brokers last.
func (h *Host) close() (err error) {
	if h.control != nil {
		h.control.Close()
	}
	h.depths.close()
	h.beside.Wait()
	for _, u := range h.all() {
		err = errors.Join(err, u.close())
	}
	h.giveUp()
	return errors.Join(err, h.stores.close(), h.brokers.close(), h.positions.close())
}

// all returns the Units, the main one first.
func (h *Host) all() []*Unit {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.units
}

// flows returns the flows of all Units.
func (h *Host) flows() (all []*flowRun) {
	for _, u := range h.all() {
		_, flows := u.now()
		all = append(all, flows...)
	}
	return all
}

// Uptime is how long ago the Host was made.
func (h *Host) Uptime() time.Duration { return time.Since(h.started) }

// NamedStats are one flow's counts.
type NamedStats struct {
	Flow string
	stats.Counts
}
