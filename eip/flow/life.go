package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/eipd/eipd/eip/manage/control"
)

var errStopping = errors.New("the process stops")

// Stop takes no more messages, and settles what is in flight, within the process'
// grace. What was taken ahead goes back to the broker.
func (r *running) Stop(context.Context) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.process.stopping.Load() {
		return errStopping
	}
	if r.State() == control.Stopped {
		return nil
	}
	err := r.halt()
	r.process.log.Info("flow stopped", slog.String("flow", r.decl.Name))
	return err
}

// halt ends the flow's life, and closes its sources.
func (r *running) halt() error {
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

// finish stops the flow because the process does.
func (r *running) finish() {
	l := r.life.Load()
	l.cancel()
	r.turn.Lock() // who starts it gives up now
	defer r.turn.Unlock()
	<-r.life.Load().done
}

// Start opens the sources that are closed, and takes messages again.
func (r *running) Start(ctx context.Context) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.process.stopping.Load() {
		return errStopping
	}
	if r.State() == control.Running {
		return nil
	}
	for i, s := range r.sources {
		if s.stays && !s.failed.Load() {
			continue
		}
		opened, err := r.openSource(ctx, r.decl.From[i])
		if err != nil {
			for _, s := range r.sources[:i] {
				if !s.stays {
					err = errors.Join(err, s.end())
				}
			}
			return fmt.Errorf("open %s: %w", r.decl.From[i].ref, err)
		}
		r.mu.Lock()
		r.sources[i] = opened
		r.mu.Unlock()
	}
	r.flow.Source = r.source()
	r.hindered.Store(nil)
	ready, failed := make(chan struct{}, 1), make(chan error, 1)
	r.begin(r.process.running, ready, failed)
	select {
	case <-ready:
		r.process.log.Info("flow started", slog.String("flow", r.decl.Name))
		return nil
	case err := <-failed:
		return errors.Join(err, r.halt())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), r.halt())
	}
}

// State says whether the flow takes messages.
func (r *running) State() control.State {
	l := r.life.Load()
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
