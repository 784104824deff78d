package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
)

// running is one flow of a Process, and what was opened for it.
type running struct {
	process    *Process
	decl       *Flow
	flow       *eip.Flow
	mu         sync.Mutex // guards sources, which are replaced when they fail
	sources    []*source
	sinks      []io.Closer
	deadLetter eip.Handler
	opened     int        // of the endpoints
	upstream   []*running // flows that send to this one

	turn turn                 // of who stops or starts the flow
	life atomic.Pointer[life] // nil: the process is starting

	hindered atomic.Pointer[broker.Trouble] // what keeps the flow from running; nil: nothing
}

func newRunning(p *Process, f *Flow) *running {
	r := &running{process: p, decl: f, turn: newTurn(), deadLetter: f.DeadLetter}
	if r.deadLetter == nil {
		queue := implicitDeadLetters(f.Name)
		queue.written = []string{f.Name}
		r.deadLetter = &deadLetters{running: r, queue: queue, on: p.config.sourceBroker(f), endpoint: endpoint{ref: queue.ref}}
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

// source is an open source of a flow.
type source struct {
	eip.Source
	close   func() error  // once
	stays   bool          // open while the flow is stopped
	idler   broker.Broker // of a channel; nil of an adapter, which may end
	ended   atomic.Bool   // no more will come
	failed  atomic.Bool   // it must be opened anew
	unread  atomic.Pointer[eip.Message]
	traffic *eip.Traffic
}

// Unread takes back a message that no flow has begun. An adapter gives it once.
func (s *source) Unread(m *eip.Message) {
	s.traffic.Unread(m)
	s.unread.Store(m)
}

func newSource(open interface {
	eip.Source
	io.Closer
}, idler broker.Broker, t *eip.Traffic) *source {
	return &source{Source: open, close: sync.OnceValue(open.Close), idler: idler, traffic: t}
}

// end closes the source, and gives back what was not begun.
func (s *source) end() error {
	if m := s.unread.Swap(nil); m != nil {
		eip.Deliver(context.Background(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return eip.ErrClosed }), m)
	}
	return s.close()
}

// Receive notes how the source ended. An adapter's that has no more does not end
// its flow: what the flow's stages still wait for, a reply say, may come later.
func (s *source) Receive(ctx context.Context) (*eip.Message, error) {
	switch {
	case s.failed.Load():
		return nil, eip.ErrClosed
	case !s.ended.Load():
		if m := s.unread.Swap(nil); m != nil {
			s.traffic.Received(m)
			return m, nil
		}
		m, err := s.Source.Receive(ctx)
		if m != nil {
			s.traffic.Received(m)
		}
		switch {
		case m != nil || ctx.Err() != nil:
			return m, err
		case s.idler != nil || !errors.Is(err, io.EOF):
			s.failed.Store(true)
			return m, err
		}
		s.ended.Store(true)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// openSources opens what the flow takes its messages from.
func (r *running) openSources(ctx context.Context) error {
	f := r.decl
	for _, from := range f.From {
		s, err := r.openSource(ctx, from)
		if err != nil {
			err = fmt.Errorf("flow %s: open %s: %w", f.Name, from.ref, err)
			if !r.hinder(err) {
				return err
			}
			s = &source{close: func() error { return nil }}
			s.failed.Store(true)
		}
		r.mu.Lock()
		r.sources = append(r.sources, s)
		r.mu.Unlock()
	}
	return nil
}

func (r *running) openSource(ctx context.Context, from *located) (*source, error) {
	p, f := r.process, r.decl
	if from.kind == "adapter" {
		a := p.config.Adapters[from.name]
		opened, err := a.Component.(adapter.SourceOpener).OpenSource(ctx, p.adapterEnv(f, a))
		if err != nil {
			return nil, err
		}
		s := newSource(opened, nil, p.traffic(from.ref))
		s.stays = true // it may have read ahead, and cannot give back
		return s, nil
	}
	ch := p.config.Channels[from.String()]
	if err := r.openBrokerDeadLetter(ctx, ch); err != nil {
		return nil, err
	}
	b, err := p.broker(ctx, p.config.brokerOf(ch))
	if err != nil {
		return nil, err
	}
	claim := f.subscription()
	claim.PrefetchBytes = p.budget(f) / eip.Bytes(len(f.From))
	opened, err := b.Source(ctx, p.config.spec(ch), claim)
	if err != nil {
		return nil, err
	}
	s := newSource(opened, b, p.traffic(from.ref))
	// What goes with its last consumer must keep it.
	s.stays = ch.Exclusive || ch.AutoDelete || ch.kind == "topic" && !f.Durable
	return s, nil
}

func (p *Process) adapterEnv(f *Flow, a *Adapter) *adapter.Env {
	address := f.Name + "." + a.Name
	return &adapter.Env{
		Env: eip.Env{Address: address, Flow: f.Name, Instance: p.options.Instance,
			Log: p.log.With(slog.String("flow", f.Name), slog.String("adapter", a.Name))},
		Stdin: p.options.Stdin, Stdout: p.options.Stdout, Positions: p.positions,
	}
}

// openSinks is openEndpoints, as far as the brokers let it.
func (r *running) openSinks(ctx context.Context) error {
	if err := r.openEndpoints(ctx); err != nil && !r.hinder(err) {
		return err
	}
	return nil
}

// openEndpoints opens where the flow sends to, as far as it is not open.
func (r *running) openEndpoints(ctx context.Context) error {
	for ; r.opened < len(r.decl.order); r.opened++ {
		e := r.decl.order[r.opened]
		if err := r.openEndpoint(ctx, e); err != nil {
			return fmt.Errorf("flow %s: open %s: %w", r.decl.Name, e.ref, err)
		}
	}
	return nil
}

func (r *running) openEndpoint(ctx context.Context, e *endpoint) error {
	p := r.process
	if e.kind == "adapter" {
		a := p.config.Adapters[e.name]
		sink, err := a.Component.(adapter.SinkOpener).OpenSink(ctx, p.adapterEnv(r.decl, a))
		if err != nil {
			return err
		}
		e.bind(r, sink, adapterPlace(a))
		e.noTests = !eip.PassesTests(a.Component)
		r.keep(sink)
		return nil
	}
	ch := p.config.Channels[e.String()]
	return r.openChannel(ctx, e, ch, p.config.brokerOf(ch))
}

func (r *running) openChannel(ctx context.Context, e *endpoint, ch *Channel, on *Broker) error {
	if err := r.openBrokerDeadLetter(ctx, ch); err != nil {
		return err
	}
	b, err := r.process.broker(ctx, on)
	if err != nil {
		return err
	}
	sender, err := b.Sender(ctx, r.process.config.spec(ch))
	if err != nil {
		return err
	}
	e.inbox = func(ctx context.Context, name string) (eip.Inbox, error) { return broker.Inbox(ctx, b, name) }
	e.bind(r, sender, channelPlace(ch, on))
	r.keep(sender)
	return nil
}

// keep has what was opened closed at the end.
func (r *running) keep(sink io.Closer) {
	r.process.mu.Lock()
	defer r.process.mu.Unlock()
	r.sinks = append(r.sinks, sink)
}

// build makes the eip.Flow of what was declared. Its source is opened later.
func (r *running) build() {
	p, f := r.process, r.decl
	r.flow = &eip.Flow{
		Name: f.Name, Stages: f.Body.Stages, To: f.Body.To,
		Concurrency: f.Concurrency, OrderBy: f.OrderBy, Window: f.Prefetch, WindowBytes: p.budget(f), MaxBody: f.MaxBody,
		// Of an eip.Retry no delay is the default one.
		Retry:      eip.Retry{Attempts: f.Retry.Attempts, Delay: max(f.Retry.Delay, 1), MaxDelay: max(f.Retry.MaxDelay, 1), Ordered: f.Retry.Ordered},
		DeadLetter: r.deadLetter, Invalid: f.Invalid, Grace: p.options.Grace, Abort: p.abort.Done(),
		Env:    eip.Env{Instance: p.options.Instance, Log: p.log, Secret: p.secret(), Tracer: r.tracer(), LastResort: r.lastResort},
		Traced: r.traced, History: f.History, Discreet: r.discreet,
	}
}

func (r *running) source() eip.Source {
	sources := make([]eip.Source, len(r.sources))
	for i, s := range r.sources {
		sources[i] = s
	}
	return eip.MergeSources(sources...)
}

// feeds reports whether r sends to a channel that next reads.
func (r *running) feeds(next *running) bool {
	for _, e := range r.decl.order {
		for _, from := range next.decl.From {
			if e.ref == from.ref {
				return true
			}
		}
	}
	return false
}

func (r *running) close() (err error) {
	for _, s := range r.sources {
		err = errors.Join(err, s.end())
	}
	for _, s := range r.sinks {
		err = errors.Join(err, s.Close())
	}
	return err
}
