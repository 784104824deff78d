package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
)

var (
	errStopping = errors.New("the process stops")
	errRetired  = errors.New("the flow ends, or makes room for another")
)

// lifecycleLock is held by who stops or starts something.
type lifecycleLock chan struct{}

func newLifecycleLock() lifecycleLock { return make(lifecycleLock, 1) }

// take waits for the lock, but no longer than ctx.
func (l lifecycleLock) take(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("it is still being stopped, started or replaced: %w", ctx.Err())
	}
}

func (l lifecycleLock) end() { <-l }

// Stop takes no more messages, and settles what is in flight, within the process'
// grace. What was taken ahead goes back to the broker. Where ctx ends before, it
// goes on all the same.
func (r *flowRun) Stop(ctx context.Context) error {
	if err := r.lifecycle.take(ctx); err != nil {
		return err
	}
	if r.retired.Load() || r.State() == control.Stopped {
		defer r.lifecycle.end()
		if r.retired.Load() {
			return errRetired
		}
		return nil
	}
	halted := make(chan error, 1)
	go func() {
		defer r.lifecycle.end()
		err := r.halt()
		r.unit.host.log.Info("flow stopped", slog.String("flow", r.decl.Name))
		halted <- err
	}()
	select {
	case err := <-halted:
		return err
	case <-ctx.Done():
		return fmt.Errorf("it stops when what is in flight is settled: %w", ctx.Err())
	}
}

// halt ends the flow's life, and closes its sources.
func (r *flowRun) halt() error {
	l := r.life.Load()
	l.cancel()
	<-l.done
	err := l.err
	for _, s := range r.sources {
		if !s.stays {
			err = errors.Join(err, s.end())
		}
	}
	return err
}

// finish stops the flow for good.
func (r *flowRun) finish() {
	r.life.Load().cancel()
	_ = r.lifecycle.take(context.Background()) // who starts it gives up now, or has begun another life
	defer r.lifecycle.end()
	l := r.life.Load()
	l.cancel()
	<-l.done
}

// Start opens the sources that are closed, and takes messages again. Where ctx ends
// before, it is as if it had not begun.
func (r *flowRun) Start(ctx context.Context) error {
	if err := r.lifecycle.take(ctx); err != nil {
		return err
	}
	started := make(chan error, 1)
	go func() {
		defer r.lifecycle.end()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(r.abort, cancel)()
		started <- r.start(ctx)
	}()
	select {
	case err := <-started:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *flowRun) start(ctx context.Context) error {
	if r.retired.Load() {
		return errRetired
	}
	if r.State() == control.Running {
		return nil
	}
	for i, s := range r.sources {
		if s.stays && !s.failed.Load() {
			continue
		}
		s.failed.Store(true)
		var t *broker.Trouble
		if err := r.reopen(ctx, i); err != nil && !(errors.As(err, &t) && t.Standby) {
			for _, s := range r.sources[:i] {
				if !s.stays {
					err = errors.Join(err, s.end())
				}
			}
			return err
		}
	}
	r.flow.Source = r.source()
	r.hindered.Store(nil)
	ready, failed := make(chan struct{}, 1), make(chan error, 1)
	r.begin(r.unit.context, ready, failed)
	select {
	case <-ready:
		r.unit.host.log.Info("flow started", slog.String("flow", r.decl.Name))
		return nil
	case err := <-failed:
		return errors.Join(err, r.halt())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), r.halt())
	}
}

// State says whether the flow takes messages.
func (r *flowRun) State() control.State {
	l := r.life.Load()
	if l == nil {
		return control.Starting
	}
	select {
	case <-l.done:
		return control.Stopped
	default:
	}
	if l.context.Err() != nil {
		return control.Stopping
	}
	return control.Running
}
