package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip"
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
	upstream   []*running // flows that send to this one

	turn sync.Mutex // held by who stops or starts the flow
	life atomic.Pointer[life]
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
			return fmt.Errorf("flow %s: open %s: %w", f.Name, from.ref, err)
		}
		r.sources = append(r.sources, s)
	}
	return nil
}

func (r *running) openSource(ctx context.Context, from *located) (*source, error) {
	p, f := r.process, r.decl
	if from.kind == "adapter" {
		a := p.config.Adapters[from.name]
		opened, err := a.Component.(eip.SourceAdapter).OpenSource(ctx, p.adapterEnv(f, a))
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
	opened, err := b.Source(ctx, p.config.spec(ch), broker.Subscription{Name: f.Subscription, Durable: f.Durable, Pattern: f.Pattern, Prefetch: f.Prefetch})
	if err != nil {
		return nil, err
	}
	s := newSource(opened, b, p.traffic(from.ref))
	// What goes with its last consumer must keep it.
	s.stays = ch.Exclusive || ch.AutoDelete || ch.kind == "topic" && !f.Durable
	return s, nil
}

func (p *Process) adapterEnv(f *Flow, a *Adapter) *eip.AdapterEnv {
	address := f.Name + "." + a.Name
	return &eip.AdapterEnv{
		Env: eip.Env{Address: address, Flow: f.Name, Instance: p.options.Instance,
			Log: p.log.With(slog.String("flow", f.Name), slog.String("adapter", a.Name))},
		Stdin: p.options.Stdin, Stdout: p.options.Stdout, Positions: p.positions,
	}
}

// openEndpoints opens where the flow sends to.
func (r *running) openEndpoints(ctx context.Context) error {
	p, f := r.process, r.decl
	for _, e := range f.order {
		if err := r.openEndpoint(ctx, e); err != nil {
			return fmt.Errorf("flow %s: open %s: %w", f.Name, e.ref, err)
		}
	}
	if r.deadLetter = f.DeadLetter; r.deadLetter == nil {
		if err := r.openDeadLetters(ctx); err != nil {
			return fmt.Errorf("flow %s: open its dead-letter queue: %w", f.Name, err)
		}
	}
	r.build(p)
	return nil
}

func (r *running) openEndpoint(ctx context.Context, e *endpoint) error {
	p := r.process
	if e.kind == "adapter" {
		a := p.config.Adapters[e.name]
		sink, err := a.Component.(eip.SinkAdapter).OpenSink(ctx, p.adapterEnv(r.decl, a))
		if err != nil {
			return err
		}
		e.bind(r, sink, adapterPlace(a))
		e.noTests = !eip.PassesTests(a.Component)
		r.sinks = append(r.sinks, sink)
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
	e.inbox = b.Inbox
	e.bind(r, sender, channelPlace(ch, on))
	r.process.mu.Lock()
	defer r.process.mu.Unlock()
	r.sinks = append(r.sinks, sender)
	return nil
}

// build makes the eip.Flow of what was declared and opened.
func (r *running) build(p *Process) {
	f := r.decl
	r.flow = &eip.Flow{
		Name: f.Name, Source: r.source(), Stages: f.Body.Stages, To: f.Body.To,
		Concurrency: f.Concurrency, OrderBy: f.OrderBy, Window: f.Prefetch,
		// Of an eip.Retry no delay is the default one.
		Retry:      eip.Retry{Attempts: f.Retry.Attempts, Delay: max(f.Retry.Delay, 1), MaxDelay: max(f.Retry.MaxDelay, 1), Ordered: f.Retry.Ordered},
		DeadLetter: r.deadLetter, Invalid: f.Invalid, Grace: p.options.Grace, Abort: p.abort.Done(),
		Env:    eip.Env{Instance: p.options.Instance, Log: p.log, Tracer: r.tracer()},
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

// begin makes the flow run, until its life's end.
func (r *running) begin(ctx context.Context, ready chan<- struct{}, failed chan<- error) {
	l := &life{done: make(chan struct{})}
	l.context, l.cancel = context.WithCancel(ctx)
	r.life.Store(l)
	go r.run(l, ready, failed)
}

// run keeps the flow running until it is stopped. One that fails is begun again
// after a while, unless it never came up.
func (r *running) run(l *life, ready chan<- struct{}, failed chan<- error) {
	ctx := l.context
	defer close(l.done)
	defer l.cancel()
	up := false
	r.flow.Ready = func() {
		if !up {
			up = true
			ready <- struct{}{}
		}
	}
	const first, longest = 100 * time.Millisecond, 30 * time.Second
	for wait := first; ; wait = min(2*wait, longest) {
		began := time.Now()
		err := r.flow.Run(ctx)
		switch {
		case !up && err == nil:
			failed <- errStopping
			return
		case !up:
			failed <- err
			return
		case ctx.Err() != nil:
			l.err = err
			return
		case time.Since(began) > longest:
			wait = first
		}
		r.process.log.Error("flow failed and will be started again", slog.String("flow", r.decl.Name), slog.Any("error", err), slog.Duration("in", wait))
		if !r.reopen(ctx, wait) {
			return
		}
	}
}

// reopen replaces the sources that failed, after a while; false when the flow was
// stopped meanwhile.
func (r *running) reopen(ctx context.Context, wait time.Duration) bool {
	select {
	case <-time.After(wait/2 + rand.N(wait/2)):
	case <-ctx.Done():
		return false
	}
	for i, s := range r.sources {
		if !s.failed.Load() {
			continue
		}
		_ = s.end() // it has failed already
		opened, err := r.openSource(ctx, r.decl.From[i])
		if err != nil { // the old one fails at once, and is tried again
			r.process.log.Error("flow cannot be started again yet", slog.String("flow", r.decl.Name), slog.Any("error", err))
			continue
		}
		r.mu.Lock()
		r.sources[i] = opened
		r.mu.Unlock()
	}
	r.flow.Source = r.source()
	return true
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
