package control

import (
	"context"
	"time"
)

// applyTimeout is how long flows may take to end, and others to come up: their broker may
// be away.
const applyTimeout = time.Minute

// apply runs the flows of a file in the process' own folder of them.
func (s *Server) apply(r *request) (any, error) { return s.file(r, s.Process.Apply) }

// remove stops the flows of a file that was applied.
func (s *Server) remove(r *request) (any, error) { return s.file(r, s.Process.Remove) }

// Applied is the result of apply and remove.
type Applied struct {
	Flows []string `json:"flows"`
}

func (s *Server) file(r *request, do func(context.Context, string) ([]string, error)) (any, error) {
	if r.Target == "" {
		return nil, Errorf(BadArgs, "%s needs the name of a flow file as its target, like orders.hcl", r.Command.Command)
	}
	if len(r.Target) > 255 {
		return nil, Errorf(BadArgs, "%s is no name of a flow file", clip(r.Target))
	}
	ctx, cancel := s.Clock.WithTimeout(r.ctx, applyTimeout)
	defer cancel()
	flows, err := do(ctx, r.Target)
	if err != nil {
		return nil, Errorf(Failed, "%v", err)
	}
	return Applied{flows}, nil
}
