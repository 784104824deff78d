package control

import (
	"errors"
	"fmt"
)

// stop is the command of that name.
func (s *Server) stop(r *request) (any, error) {
	flows, err := s.flows(r)
	if err != nil {
		return nil, err
	}
	return s.each(r.Target, flows, func(f Flow) error { return f.Stop(r.ctx) })
}

// start is the command of that name.
func (s *Server) start(r *request) (any, error) {
	flows, err := s.flows(r)
	if err != nil {
		return nil, err
	}
	return s.each(r.Target, flows, func(f Flow) error { return f.Start(r.ctx) })
}

// drain stops all flows. The process stays, and can be asked.
func (s *Server) drain(r *request) (any, error) {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	return s.each("", s.Process.Flows(), func(f Flow) error { return f.Stop(r.ctx) })
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

// each does something to flows, at the same time. The result is by flow, but where
// the target names one.
func (s *Server) each(target string, flows []Flow, do func(Flow) error) (any, error) {
	was := make([]State, len(flows))
	failed := make(chan error, len(flows))
	for i, f := range flows {
		was[i] = f.State()
		go func() {
			err := do(f)
			if err != nil {
				err = fmt.Errorf("flow %s: %w", f.Name(), err)
			}
			failed <- err
		}()
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
