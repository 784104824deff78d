package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/endpoint"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/testmessage"
)

// flowRun is one flow of a Unit, and what was opened for it.
type flowRun struct {
	unit       *Unit
	config     *flow.Config // that the flow is of
	decl       *flow.Flow
	flow       *eip.Flow
	budget     eip.Bytes  // for unsettled messages
	own        string     // names what no other process has
	mu         sync.Mutex // guards sources, which are replaced when they fail, sinks and stores
	sources    []*source
	sinks      []io.Closer
	stores     []store.Store // in which its stages remember
	deadLetter eip.Handler
	opened     int // of the endpoints

	abort     context.Context // ends with the grace
	giveUp    context.CancelFunc
	beside    sync.WaitGroup       // its dead-letter queue, which could not be opened yet
	retired   atomic.Bool          // it is not started again
	lifecycle lifecycleLock        // of who stops or starts the flow
	life      atomic.Pointer[life] // nil: its Unit is starting

	hindered atomic.Pointer[broker.Trouble] // what keeps the flow from running; nil: nothing
}

func newFlowRun(u *Unit, c *flow.Config, f *flow.Flow, budget eip.Bytes) *flowRun {
	r := &flowRun{unit: u, config: c, decl: f, budget: budget, own: eip.NewID(), lifecycle: newLifecycleLock(), deadLetter: f.DeadLetter}
	r.abort, r.giveUp = context.WithCancel(u.abort)
	if queue := f.DeadQueue(); queue != nil && r.deadLetter == nil {
		r.deadLetter = &deadLetters{flowRun: r, queue: queue, on: c.SourceBroker(f)}
	}
	for range f.From {
		r.sources = append(r.sources, closedSource())
	}
	r.build()
	return r
}

// life is a flow from when it is started until it is stopped.
type life struct {
	context context.Context // ends when the flow is to stop
	cancel  context.CancelFunc
	done    chan struct{} // closed when it runs no more
	err     error         // why it left messages unsettled; read after done
}

// openSources opens what the flow takes its messages from, as far as it is not open, or
// has failed. Where a broker hinders one, the others are opened all the same.
func (r *flowRun) openSources(ctx context.Context) (hindered error) {
	for i, s := range r.sources {
		if !s.failed.Load() {
			continue
		}
		_ = s.end() // it has failed already
		if err := r.reopen(ctx, i); err != nil {
			if hindered = fmt.Errorf("flow %s: %w", r.decl.Name, err); !r.hinder(hindered) {
				return hindered
			}
		}
	}
	return hindered
}

// reopen opens a source in the place of what was there.
func (r *flowRun) reopen(ctx context.Context, i int) error {
	from := r.decl.From[i].Ref
	s, err := r.openSource(ctx, from)
	if err != nil {
		return fmt.Errorf("open %s: %w", from, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sources[i] = s
	return nil
}

func (r *flowRun) openSource(ctx context.Context, from flow.Ref) (*source, error) {
	f, traffic := r.decl, r.unit.host.traffic(from)
	if from.Kind == "adapter" {
		a := r.config.Adapters[from.Name]
		opened, err := a.Component.(adapter.SourceOpener).OpenSource(ctx, r.adapterEnv(a))
		if err != nil {
			return nil, err
		}
		s := newSource(opened, nil, traffic)
		s.stays = true // it may have read ahead, and cannot give back
		return s, nil
	}
	ch := r.config.Channels[from.String()]
	if err := r.openBrokerDeadLetter(ctx, ch); err != nil {
		return nil, err
	}
	b, err := r.unit.broker(ctx, r, r.config.BrokerOf(ch))
	if err != nil {
		return nil, err
	}
	claim := r.claim()
	claim.PrefetchBytes = r.budget / eip.Bytes(len(f.From))
	opened, err := b.Source(ctx, r.config.Spec(ch), claim)
	if err != nil {
		return nil, err
	}
	s := newSource(opened, b, traffic)
	// What goes with its last consumer must keep it.
	s.stays = ch.Exclusive || ch.AutoDelete || ch.Kind == "topic" && !f.Durable
	return s, nil
}

// claim is how the flow reads its channels.
func (r *flowRun) claim() broker.Subscription {
	s := r.decl.Claim()
	if s.Exclusive {
		s.Name += "." + r.own
	}
	return s
}

func (r *flowRun) adapterEnv(a *flow.Adapter) *adapter.Env {
	h, f := r.unit.host, r.decl.Name
	return &adapter.Env{
		Env: eip.Env{Address: f + "." + a.Name, Flow: f, Instance: h.options.Instance, Clock: h.options.Clock,
			Log: h.log.With(slog.String("flow", f), slog.String("adapter", a.Name))},
		Stdin: h.options.Stdin, Stdout: h.options.Stdout, Positions: h.positions,
	}
}

// openEndpoints opens where the flow sends to, as far as it is not open.
func (r *flowRun) openEndpoints(ctx context.Context) error {
	for ; r.opened < len(r.decl.Endpoints); r.opened++ {
		e := r.decl.Endpoints[r.opened]
		if err := r.openEndpoint(ctx, e); err != nil {
			return fmt.Errorf("flow %s: open %s: %w", r.decl.Name, e.Ref, err)
		}
	}
	return nil
}

func (r *flowRun) openEndpoint(ctx context.Context, e *flow.Endpoint) error {
	if e.Kind == "adapter" {
		a := r.config.Adapters[e.Name]
		sink, err := a.Component.(adapter.SinkOpener).OpenSink(ctx, r.adapterEnv(a))
		if err != nil {
			return err
		}
		s := r.keep(e.Ref, sink, adapterPlace(a))
		s.noTests = !testmessage.PassedBy(a.Component)
		e.Bind(s, nil, nil)
		return nil
	}
	ch := r.config.Channels[e.String()]
	s, b, err := r.openChannel(ctx, ch, r.config.BrokerOf(ch))
	if err != nil {
		return err
	}
	e.Bind(s, func(ctx context.Context, name string) (eip.Inbox, error) { return broker.Inbox(ctx, b, name) },
		func(ctx context.Context) (eip.Inbox, error) { return broker.ReadReplies(ctx, b, r.config.Spec(ch)) })
	return nil
}

// openChannel opens the sending side of a channel.
func (r *flowRun) openChannel(ctx context.Context, ch *flow.Channel, on *flow.Broker) (*sender, broker.Broker, error) {
	if err := r.openBrokerDeadLetter(ctx, ch); err != nil {
		return nil, nil, err
	}
	b, err := r.unit.broker(ctx, r, on)
	if err != nil {
		return nil, nil, err
	}
	opened, err := b.Sender(ctx, r.config.Spec(ch))
	if err != nil {
		return nil, nil, err
	}
	return r.keep(ch.Ref, opened, channelPlace(ch, on)), b, nil
}

// keep has what was opened closed at the end.
func (r *flowRun) keep(of flow.Ref, sink adapter.Sink, place eip.Place) *sender {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sinks = append(r.sinks, sink)
	return newSender(r, of, sink, place)
}

// build makes the eip.Flow of what was declared. Its source is opened later.
func (r *flowRun) build() {
	h, f := r.unit.host, r.decl
	block, _ := h.mainConfig().ControlBus()
	r.flow = &eip.Flow{
		Name: f.Name, Stages: f.Body.Stages, To: f.Body.To, Beside: f.Beside(), Stays: true,
		Concurrency: f.Concurrency, OrderBy: f.OrderBy, Window: f.Prefetch, WindowBytes: r.budget, MaxBody: f.MaxBody,
		// Of an eip.Retry no delay is the default one.
		Retry:      eip.Retry{Attempts: f.Retry.Attempts, Delay: max(f.Retry.Delay, 1), MaxDelay: max(f.Retry.MaxDelay, 1), Ordered: f.Retry.Ordered},
		DeadLetter: r.deadLetter, Invalid: f.Invalid, Grace: h.options.Grace, Abort: r.abort.Done(),
		Env:    eip.Env{Instance: h.options.Instance, Clock: h.options.Clock, Log: h.log, Secret: block.Secret, Tracer: r.tracer(), LastResort: r.lastResort},
		Traced: r.traced, History: f.History, Discreet: r.discreet,
	}
	switch {
	case f.Service != nil:
		r.flow.ErrorReply, r.flow.Timeout = endpoint.ErrorReply, f.Service.Timeout
	case r.answers():
		r.flow.ErrorReply = endpoint.ErrorReply
	}
}

// answers reports whether callers of an adapter wait for what the flow replies.
func (r *flowRun) answers() bool {
	called, replies := false, false
	for _, from := range r.decl.From {
		called = called || from.Kind == "adapter"
	}
	for _, s := range eip.Walk(r.decl.Stages()) {
		switch s.(type) {
		case *endpoint.Reply, *manage.SmartProxy:
			replies = true
		}
	}
	return called && replies
}

func (r *flowRun) source() eip.Source {
	if r.decl.Poll != nil {
		return &poll{flowRun: r}
	}
	return r.merged()
}

func (r *flowRun) merged() eip.Source {
	sources := make([]eip.Source, len(r.sources))
	for i, s := range r.sources {
		sources[i] = s
	}
	return eip.MergeSources(sources...)
}

// feeds reports whether r sends to a channel that next reads.
func (r *flowRun) feeds(next *flowRun) bool {
	for _, e := range r.decl.Endpoints {
		for _, from := range next.decl.From {
			if e.Ref == from.Ref {
				return true
			}
		}
	}
	return false
}

func (r *flowRun) close() (err error) {
	r.giveUp()
	r.beside.Wait()
	for _, s := range r.sources {
		err = errors.Join(err, s.end())
	}
	for _, s := range r.sinks {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, r.unit.host.brokers.release(r))
}

// alone reports whether the flow opens what is opened by one flow at a time: adapters,
// and where a broker moves what queues give up, which flows share.
func (r *flowRun) alone() bool {
	by := func(of flow.Ref) bool {
		ch := r.config.Channels[of.String()]
		return of.Kind == "adapter" || ch != nil && r.config.DeadLetterOf(ch) != nil
	}
	return slices.ContainsFunc(r.decl.Refs(), by)
}
