package control

import (
	"errors"
	"fmt"
)

// stop is the command of that name.
func (s *Server) stop(r *request) (any, error) {
	flows, err := s.flows(r, false)
	if err != nil {
		return nil, err
	}
	if err := r.only(); err != nil {
		return nil, err
	}
	return s.each(r.Target, flows, func(f Flow) error { return f.Stop(s.ctx) })
}

// start is the command of that name.
func (s *Server) start(r *request) (any, error) {
	flows, err := s.flows(r, false)
	if err != nil {
		return nil, err
	}
	if err := r.only(); err != nil {
		return nil, err
	}
	return s.each(r.Target, flows, func(f Flow) error { return f.Start(s.ctx) })
}

// drain stops all flows. The process stays, and can be asked.
func (s *Server) drain(r *request) (any, error) {
	if err := r.none(); err != nil {
		return nil, err
	}
	if err := r.only(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	return s.each("", s.Process.Flows(), func(f Flow) error { return f.Stop(s.ctx) })
}

// lived is what became of a flow that was stopped or started.
type lived struct {
	State State `json:"state"`
	Was   State `json:"was"`
}

// each does something to flows, at the same time. The result is by flow, but where
// the target names one.
func (s *Server) each(target string, flows []Flow, do func(Flow) error) (any, error) {
	was := make([]State, len(flows))
	failed := make(chan error, len(flows))
	for i, f := range flows {
		was[i] = f.State()
		s.busy.Go(func() {
			err := do(f)
			if err != nil {
				err = fmt.Errorf("flow %s: %w", f.Name(), err)
			}
			failed <- err
		})
	}
	var all error
	for range flows {
		all = errors.Join(all, <-failed)
	}
	result := map[string]lived{}
	for i, f := range flows {
		result[f.Name()] = lived{f.State(), was[i]}
	}
	if len(flows) == 1 && flows[0].Name() == target {
		return result[target], all
	}
	return result, all
}
