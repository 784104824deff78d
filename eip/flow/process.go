package flow

import (
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
	"github.com/eipd/eipd/eip/manage/control"
)

// RunOptions say how to run a Config.
type RunOptions struct {
	Flows    []string // only these; none: all that are enabled
	DataDir  string
	Instance string
	Grace    time.Duration  // for what is in flight at the end; 0 means 30 s
	Log      *slog.Logger   // nil: silent
	Version  string         // of the program, for the control bus
	Level    *slog.LevelVar // what Log logs, for the control bus to change; nil: it cannot
	// Tracer makes what follows the messages of a flow. It is told where they come
	// from, by their Channel. nil: nobody follows them.
	Tracer func(flow string, from map[string]eip.Place) eip.Tracer
	Stdin  io.Reader
	Stdout io.Writer
	// OpenPositions opens the store of adapters' positions in a folder. It is called
	// when an adapter needs it and the default broker does not keep them.
	OpenPositions func(dir string) (PositionStore, error)
	// FlowsDir is the folder of the flow files that the control bus may apply; "":
	// none.
	FlowsDir string
	// Answering, where set, is called once the process can say how it does, before it
	// opens anything. An error of it is Start's.
	Answering func(*Process) error

	// Memory is what the process is to get by with: the flows' budgets in bytes share
	// a third of it. 0: each has its own.
	Memory eip.Bytes

	host *Process // that shares its brokers, and serves the control bus
}

// A PositionStore keeps adapters' positions in a file.
type PositionStore interface {
	adapter.Positions
	io.Closer
}

// A Process is a Config that runs.
type Process struct {
	config      *Config
	options     RunOptions
	log         *slog.Logger
	started     time.Time
	mu          sync.Mutex // guards brokers, deadLetters and the running flows' sinks
	openingOne  sync.Mutex // held while a broker is opened
	brokers     map[*Broker]broker.Broker
	deadLetters map[*Channel]bool // of brokers: those that are open
	flows       []*running
	positions   *positions
	counted     counted
	running     context.Context // of the flows
	stop        context.CancelFunc
	beside      sync.WaitGroup // dead-letter queues that could not be opened yet; who asks for depths
	depths      depths
	stopping    atomic.Bool
	steps       atomic.Pointer[func(control.Step)]
	control     *control.Server // nil of a guest
	guests      guests
	keeping     sync.Mutex      // of the last resort, which counts what it has
	abort       context.Context // ends with the grace
	stopAll     context.CancelFunc
}

// Start opens everything that the flows need, and runs them. It returns when all
// of them take messages, or with the error that kept one from it; a broker that is
// away is waited for. The flows run until Stop.
func (c *Config) Start(ctx context.Context, o RunOptions) (p *Process, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = c.Log(o.Log)
	defer func() { err = c.secrets.Error(err) }()
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	flows, err := c.pick(o.Flows)
	if err != nil {
		return nil, err
	}
	p = &Process{config: c, options: o, log: o.Log, started: time.Now(), brokers: map[*Broker]broker.Broker{}, deadLetters: map[*Channel]bool{}}
	p.guests.turn = newTurn()
	if p.positions = (&positions{process: p}); o.host != nil {
		p.positions = o.host.positions
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop, p.running = stop, run
	p.abort, p.stopAll = context.WithCancel(context.Background())
	launched := false
	defer func() {
		if err == nil {
			return
		}
		stop()
		if launched {
			for _, r := range p.flows {
				<-r.life.Load().done
			}
		}
		err = errors.Join(err, p.close())
		p.stopAll()
		p = nil
	}()
	for _, f := range flows {
		p.flows = append(p.flows, newRunning(p, f))
	}
	begun, opened := make(chan struct{}), (<-chan struct{})(nil)
	if o.host == nil {
		p.control = p.newControl(begun)
		if o.Answering != nil {
			if err := o.Answering(p); err != nil {
				return p, err
			}
		}
	}
	if err := p.open(ctx); err != nil {
		return p, err
	}
	p.link()
	if o.host == nil {
		opened = p.serve(ctx)
	}
	ready, failed := make(chan struct{}, len(p.flows)), make(chan error, len(p.flows))
	launched = true
	for _, r := range p.flows {
		r.begin(run, ready, failed)
	}
	for range p.flows {
		select {
		case <-ready:
		case err = <-failed:
			return p, err
		case <-ctx.Done():
			return p, ctx.Err()
		}
	}
	close(begun)
	if opened != nil {
		await(ctx, opened, waitForTopic)
	}
	return p, nil
}

// pick returns the flows to run.
func (c *Config) pick(names []string) (flows []*Flow, err error) {
	for _, n := range names {
		if !slices.Contains(c.FlowNames(), n) {
			return nil, fmt.Errorf("there is no flow %q.%s", n, didYouMean(n, c.FlowNames(), "%s"))
		}
	}
	for _, f := range c.Flows {
		if len(names) == 0 && f.Enabled || slices.Contains(names, f.Name) {
			flows = append(flows, f)
		}
	}
	return flows, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// link finds which flows send to which, so that they can be stopped in the order
// in which messages go through them: what a flow has in flight may need those that
// come after it.
func (p *Process) link() {
	state := map[*running]int{}
	var visit func(r *running)
	visit = func(r *running) {
		state[r] = 1
		for _, next := range p.flows {
			if !r.feeds(next) || next == r || state[next] == 1 { // of a circle, one link is left out
				continue
			}
			next.upstream = append(next.upstream, r)
			if state[next] == 0 {
				visit(next)
			}
		}
		state[r] = 2
	}
	for _, r := range p.flows {
		if state[r] == 0 {
			visit(r)
		}
	}
}

// Stop stops the flows, each when those that feed it are done: they take nothing
// more, and finish what is in flight until the grace is over. Then it closes
// everything. It returns an error that says what was left unsettled, if anything
// was; that will be delivered again.
func (p *Process) Stop() error {
	p.stopping.Store(true)
	defer time.AfterFunc(p.options.Grace, p.stopAll).Stop()
	var wait sync.WaitGroup
	var gone error
	wait.Go(func() { gone = p.guests.stop() })
	for _, r := range p.flows {
		wait.Go(func() {
			for _, u := range r.upstream {
				select {
				case <-u.life.Load().done:
				case <-p.abort.Done():
				}
			}
			r.finish()
		})
	}
	wait.Wait()
	p.stop()
	p.stopAll()
	err := gone
	for _, r := range p.flows {
		err = errors.Join(err, r.life.Load().err)
	}
	return p.config.secrets.Error(errors.Join(err, p.close()))
}

// close closes what Start opened, the brokers last.
func (p *Process) close() (err error) {
	if p.control != nil {
		p.control.Close()
	}
	p.beside.Wait()
	for _, r := range p.flows {
		err = errors.Join(err, r.close())
	}
	for _, b := range p.brokers {
		err = errors.Join(err, b.Close())
	}
	if p.options.host != nil {
		return err
	}
	return errors.Join(err, p.positions.close())
}

// Uptime is how long ago Start was called.
func (p *Process) Uptime() time.Duration { return time.Since(p.started) }

// Stats returns each running flow's counts, in the order of the files.
func (p *Process) Stats() []NamedStats {
	flows := p.all()
	all := make([]NamedStats, len(flows))
	for i, r := range flows {
		all[i] = NamedStats{r.decl.Name, r.flow.Stats()}
	}
	return all
}

// NamedStats are one flow's counts.
type NamedStats struct {
	Flow string
	eip.Counts
}
