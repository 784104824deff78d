package control

import (
	"context"
	"log/slog"
	"time"
)

// applyTimeout is how long flows may take to end, and others to come up: their broker may
// be away.
const applyTimeout = time.Minute

// ApplyOptions say how a file is applied.
type ApplyOptions struct {
	DryRun bool
	// Replace has flows of the same names that are of another file that was applied make
	// room. Without it, they are in the way.
	Replace bool
	// Vars are the values of variables that the file declares as dynamic, as JSON is
	// decoded.
	Vars map[string]any
}

// mostVars is how many bytes of JSON vars may be, as they are kept.
const mostVars = 64 << 10

// Applied is the result of apply, reload and remove: what became of flows, by their
// names, or would become of them.
type Applied struct {
	DryRun  bool     `json:"dry_run,omitempty"`
	Flows   []string `json:"flows"`   // that run, in the order of the files; of remove: that did
	Same    []string `json:"same"`    // go on as they were
	Changed []string `json:"changed"` // have made room for those of the same name
	New     []string `json:"new"`
	Gone    []string `json:"gone"`
}

// Attrs are for the log.
func (a *Applied) Attrs() []any {
	return []any{slog.Int("same", len(a.Same)), slog.Any("changed", a.Changed), slog.Any("new", a.New), slog.Any("gone", a.Gone)}
}

// apply runs the flows of a file in the process' own folder of them.
func (s *Server) apply(r *request) (any, error) {
	o := ApplyOptions{DryRun: r.flag("dry_run"), Replace: r.flag("replace"), Vars: r.object("vars", mostVars)}
	return s.file(r, func(ctx context.Context) (Applied, error) { return s.Process.Apply(ctx, r.Target, o) })
}

// remove stops the flows of a file that was applied.
func (s *Server) remove(r *request) (any, error) {
	return s.file(r, func(ctx context.Context) (Applied, error) {
		flows, err := s.Process.Remove(ctx, r.Target)
		return Applied{Flows: flows, Same: []string{}, Changed: []string{}, New: []string{}, Gone: flows}, err
	})
}

// reload has the files read again that the process was started with.
func (s *Server) reload(r *request) (any, error) {
	dryRun := r.flag("dry_run")
	if r.wrong != nil {
		return nil, r.wrong
	}
	did, err := s.Process.Reload(r.ctx, dryRun)
	did.DryRun = dryRun
	return did, err
}

func (s *Server) file(r *request, do func(context.Context) (Applied, error)) (any, error) {
	switch {
	case r.wrong != nil:
		return nil, r.wrong
	case r.Target == "":
		return nil, Errorf(BadArgs, "%s needs the name of a flow file as its target, like orders.hcl", r.Command.Command)
	case len(r.Target) > 255:
		return nil, Errorf(BadArgs, "%s is no name of a flow file", clip(r.Target))
	}
	ctx, cancel := s.Clock.WithTimeout(r.ctx, applyTimeout)
	defer cancel()
	did, err := do(ctx)
	did.DryRun = r.flag("dry_run")
	return did, err
}
