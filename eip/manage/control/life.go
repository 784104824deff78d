package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// stop is the command of that name.
func (s *Server) stop(r *request) (any, error) { return s.each(r, Flow.Stop) }

// start is the command of that name.
func (s *Server) start(r *request) (any, error) { return s.each(r, Flow.Start) }

// drain stops all flows. The process stays, and can be asked.
func (s *Server) drain(r *request) (any, error) {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	return s.each(r, Flow.Stop)
}

// touched are what a command that stops or starts something must not meet others at:
// flows, or the files of flows.
func (s *Server) touched(r *request) (things []string) {
	for _, f := range s.Process.Flows() {
		if r.Command.Command == "drain" || Matches(r.Target, f.Name()) {
			things = append(things, f.Name())
		}
	}
	if things == nil || r.Command.Command == "apply" || r.Command.Command == "remove" {
		return []string{"files"} // a flow that is not there may come with one; none can be named so and be there
	}
	return things
}

// lived is what became of a flow that was stopped or started.
type lived struct {
	State State `json:"state"`
	Was   State `json:"was"`
}

// each does something to the flows that are meant, at the same time. The result is by
// flow, but where the target names one.
func (s *Server) each(r *request, do func(Flow, context.Context) error) (any, error) {
	flows, err := s.flows(r)
	if err != nil {
		return nil, err
	}
	was, failed := make([]State, len(flows)), make([]error, len(flows))
	var all sync.WaitGroup
	for i, f := range flows {
		was[i] = f.State()
		all.Go(func() {
			if err := do(f, r.ctx); err != nil {
				failed[i] = fmt.Errorf("flow %s: %w", f.Name(), err)
			}
		})
	}
	all.Wait()
	result := map[string]lived{}
	for i, f := range flows {
		result[f.Name()] = lived{f.State(), was[i]}
	}
	err = errors.Join(failed...)
	if len(flows) == 1 && flows[0].Name() == r.Target {
		return result[r.Target], err
	}
	return result, err
}
