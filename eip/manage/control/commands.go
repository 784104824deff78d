package control

import (
	"maps"
	"slices"
	"time"
)

// command is how one command is carried out.
type command struct {
	how how
	run func(*Server, *request) (any, error)
}

type how int

const (
	atOnce    how = iota
	inOrder       // after others of the kind, as each may take its time
	beside        // beside others
	streaming     // with several replies, in its own time
)

var commands map[string]command

func init() { // their functions refer to it
	commands = map[string]command{
		"status":   {atOnce, (*Server).status},
		"list":     {atOnce, (*Server).list},
		"stats":    {atOnce, (*Server).statsOf},
		"leases":   {atOnce, (*Server).leases},
		"set":      {atOnce, (*Server).setAttributes},
		"loglevel": {atOnce, (*Server).setLogLevel},
		"stop":     {inOrder, (*Server).stop},
		"start":    {inOrder, (*Server).start},
		"drain":    {inOrder, (*Server).drain},
		"purge":    {beside, (*Server).purge},
		"replay":   {beside, (*Server).replay},
		"apply":    {inOrder, (*Server).apply},
		"remove":   {inOrder, (*Server).remove},
		"tap":      {streaming, (*Server).tap},
		"inject":   {beside, (*Server).inject},
	}
}

// Commands returns the names of all commands, sorted.
func Commands() []string { return slices.Sorted(maps.Keys(commands)) }

// none refuses a target.
func (r *request) none() error {
	if r.Target != "" {
		return Errorf(BadArgs, "%s takes no target", r.Command.Command)
	}
	return nil
}

// only refuses arguments that a command does not know.
func (r *request) only(names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(r.Args)) {
		if !slices.Contains(names, name) {
			return Errorf(BadArgs, "%s has no argument %q%s", r.Command.Command, clip(name), DidYouMean(name, names))
		}
	}
	return nil
}

// text reads an argument that is a string; "" where it is absent.
func (r *request) text(name string) (string, error) {
	switch v := r.Args[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", Errorf(BadArgs, "%q must be a string", name)
}

// flag reads an argument that is true or false.
func (r *request) flag(name string) (bool, error) {
	switch v := r.Args[name].(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string: // of clients whose arguments are all text
		if v == "true" || v == "false" {
			return v == "true", nil
		}
	}
	return false, Errorf(BadArgs, "%q must be true or false", name)
}

// duration reads an argument like "15m".
func (r *request) duration(name string) (time.Duration, error) {
	text, err := r.text(name)
	if text == "" || err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, Errorf(BadArgs, "%q must be a time like 30s, 15m or 2h", name)
	}
	return d, nil
}

// flows returns the flows that the target names: all, where there is none and that
// is allowed.
func (s *Server) flows(r *request, all bool) ([]Flow, error) {
	flows := s.Process.Flows()
	if r.Target == "" {
		if !all {
			return nil, Errorf(BadArgs, "%s needs a flow as its target; \"*\" is all of them", r.Command.Command)
		}
		return flows, nil
	}
	var found []Flow
	var names []string
	for _, f := range flows {
		if Matches(r.Target, f.Name()) {
			found = append(found, f)
		}
		names = append(names, f.Name())
	}
	if found == nil {
		return nil, Errorf(UnknownTarget, "no flow %s%s", clip(r.Target), DidYouMean(r.Target, names))
	}
	return found, nil
}

// stages returns the stages that the target names.
func (s *Server) stages(r *request) ([]Stage, error) {
	var found []Stage
	var names []string
	for _, f := range s.Process.Flows() {
		for _, st := range f.Stages() {
			if Matches(r.Target, st.Address) {
				found = append(found, st)
			}
			names = append(names, st.Address)
		}
	}
	if found == nil {
		return nil, Errorf(UnknownTarget, "no stage %s%s", clip(r.Target), DidYouMean(r.Target, names))
	}
	return found, nil
}
