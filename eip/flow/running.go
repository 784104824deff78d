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
	flow       atomic.Pointer[eip.Flow]
	sources    []source
	sinks      []io.Closer
	deadLetter eip.Handler
	upstream   []*running      // flows that send to this one
	context    context.Context // ends when the flow is to stop
	cancel     context.CancelFunc
	done       chan struct{} // closed when it runs no more
	started    sync.Once
	err        error // why it left messages unsettled; read after done
}

// source is an open source of a flow.
type source struct {
	eip.Source
	io.Closer
	ended *atomic.Bool  // of an adapter: no more will come
	idler broker.Broker // of a channel
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

func (r *running) openSource(ctx context.Context, from *located) (source, error) {
	p, f := r.process, r.decl
	if from.kind == "adapter" {
		a := p.config.Adapters[from.name]
		opened, err := a.Component.(eip.SourceAdapter).OpenSource(ctx, p.adapterEnv(f, a))
		if err != nil {
			return source{}, err
		}
		s := &finite{AdapterSource: opened}
		return source{Source: s, Closer: opened, ended: &s.ended}, nil
	}
	ch := p.config.Channels[from.String()]
	b, err := p.broker(ctx, p.config.brokerOf(ch))
	if err != nil {
		return source{}, err
	}
	opened, err := b.Source(ctx, p.config.spec(ch), broker.Subscription{Name: f.Subscription, Durable: f.Durable, Pattern: f.Pattern, Prefetch: f.Prefetch})
	return source{Source: opened, Closer: opened, idler: b}, err
}

func (p *Process) adapterEnv(f *Flow, a *Adapter) *eip.AdapterEnv {
	address := f.Name + "." + a.Name
	return &eip.AdapterEnv{
		Env: eip.Env{Address: address, Flow: f.Name, Instance: p.options.Instance,
			Log: p.log.With(slog.String("flow", f.Name), slog.String("adapter", a.Name))},
		Stdin: p.options.Stdin, Stdout: p.options.Stdout, Positions: p.positions,
	}
}

// finite is an adapter's source that does not end its flow when it ends: what the
// flow's stages still wait for, a reply say, may come later.
type finite struct {
	eip.AdapterSource
	ended atomic.Bool
}

func (s *finite) Receive(ctx context.Context) (*eip.Message, error) {
	if !s.ended.Load() {
		m, err := s.AdapterSource.Receive(ctx)
		if !errors.Is(err, io.EOF) {
			return m, err
		}
		s.ended.Store(true)
	}
	<-ctx.Done()
	return nil, ctx.Err()
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
		e.bound = sink
		r.sinks = append(r.sinks, sink)
		return nil
	}
	ch := p.config.Channels[e.String()]
	return r.openChannel(ctx, e, ch, p.config.brokerOf(ch))
}

func (r *running) openChannel(ctx context.Context, e *endpoint, ch *Channel, on *Broker) error {
	b, err := r.process.broker(ctx, on)
	if err != nil {
		return err
	}
	sender, err := b.Sender(ctx, r.process.config.spec(ch))
	if err != nil {
		return err
	}
	e.bound, e.inbox = sender, b.Inbox
	r.process.mu.Lock()
	defer r.process.mu.Unlock()
	r.sinks = append(r.sinks, sender)
	return nil
}

// build makes the eip.Flow of what was declared and opened.
func (r *running) build(p *Process) {
	f := r.decl
	sources := make([]eip.Source, len(r.sources))
	for i, s := range r.sources {
		sources[i] = s.Source
	}
	r.flow.Store(&eip.Flow{
		Name: f.Name, Source: eip.MergeSources(sources...), Stages: f.Body.Stages, To: f.Body.To,
		Concurrency: f.Concurrency, OrderBy: f.OrderBy, Window: f.Prefetch,
		Retry:      eip.Retry{Attempts: f.Retry.Attempts, Delay: f.Retry.Delay, MaxDelay: f.Retry.MaxDelay, Ordered: f.Retry.Ordered},
		DeadLetter: r.deadLetter, Invalid: f.Invalid, Grace: p.options.Grace,
		Env:   eip.Env{Instance: p.options.Instance, Log: p.log},
		Ready: func() { r.started.Do(p.ready.Done) },
	})
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

// run keeps the flow running until it is stopped. One that fails is begun again
// after a while, unless it never came up.
func (r *running) run(failed chan<- error) {
	ctx := r.context
	defer close(r.done)
	defer r.cancel()
	up := false
	ready := r.flow.Load().Ready
	r.flow.Load().Ready = func() { up = true; ready() }
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 30*time.Second) {
		err := r.flow.Load().Run(ctx)
		switch {
		case ctx.Err() != nil:
			r.err = err
			return
		case !up:
			failed <- err
			return
		}
		r.process.log.Error("flow failed and will be started again", slog.String("flow", r.decl.Name), slog.Any("error", err), slog.Duration("in", wait))
		select {
		case <-time.After(wait/2 + rand.N(wait/2)):
		case <-ctx.Done():
			return
		}
		if err := r.reopen(ctx); err != nil {
			r.process.log.Error("flow cannot be started again yet", slog.String("flow", r.decl.Name), slog.Any("error", err))
		}
	}
}

// reopen replaces the sources of a flow that failed.
func (r *running) reopen(ctx context.Context) error {
	for i, s := range r.sources {
		_ = s.Close() // it has failed already
		opened, err := r.openSource(ctx, r.decl.From[i])
		if err != nil {
			return err
		}
		r.sources[i] = opened
	}
	sources := make([]eip.Source, len(r.sources))
	for i, s := range r.sources {
		sources[i] = s.Source
	}
	r.flow.Load().Source = eip.MergeSources(sources...)
	return nil
}

// stop ends the flow and waits for it.
func (r *running) stop(grace time.Duration) {
	r.flow.Load().Grace = grace
	r.cancel()
	<-r.done
}

func (r *running) close() (err error) {
	for _, s := range r.sources {
		err = errors.Join(err, s.Close())
	}
	for _, s := range r.sinks {
		err = errors.Join(err, s.Close())
	}
	return err
}
