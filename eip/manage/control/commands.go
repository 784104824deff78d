package control

import (
	"maps"
	"slices"
)

// command is how one command is carried out.
type command struct {
	how   how
	alone bool     // it takes no target
	args  []string // that it knows; nil: attributes of a stage
	run   func(*Server, *request) (any, error)
}

type how int

const (
	atOnce    how = iota
	inOrder       // of the same flow or file one after the other, as each may take its time
	beside        // beside others
	streaming     // beside others, with several replies
	replying      // is how replies are sent
	hows
)

var commands map[string]command

func init() { // their functions refer to it
	none := []string{}
	commands = map[string]command{
		"status":   {atOnce, true, none, (*Server).status},
		"list":     {atOnce, false, none, (*Server).list},
		"stats":    {atOnce, false, []string{"reset", "channels"}, (*Server).statsOf},
		"leases":   {atOnce, true, none, (*Server).leases},
		"set":      {atOnce, false, nil, (*Server).setAttributes},
		"loglevel": {atOnce, true, []string{"level", "for"}, (*Server).setLogLevel},
		"stop":     {inOrder, false, none, (*Server).stop},
		"start":    {inOrder, false, none, (*Server).start},
		"drain":    {inOrder, true, none, (*Server).drain},
		"purge":    {beside, false, []string{"confirm", "save", "count"}, (*Server).purge},
		"replay":   {beside, false, []string{"count", "invalid"}, (*Server).replay},
		"apply":    {inOrder, false, none, (*Server).apply},
		"remove":   {inOrder, false, none, (*Server).remove},
		"tap":      {streaming, false, []string{"if", "sample", "count", "for"}, (*Server).tap},
		"peek":     {streaming, false, []string{"count"}, (*Server).peek},
		"inject":   {beside, false, []string{"body", "headers", "content_type", "correlation_id", "key", "test", "timeout"}, (*Server).inject},
	}
}

// Commands returns the names of all commands, sorted.
func Commands() []string { return slices.Sorted(maps.Keys(commands)) }

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
