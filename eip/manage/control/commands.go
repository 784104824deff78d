package control

import (
	"maps"
	"slices"

	"github.com/eipd/eipd/internal/nearest"
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
		"status":          {atOnce, true, none, (*Server).status},
		"list":            {atOnce, false, none, (*Server).list},
		"graph":           {atOnce, true, none, (*Server).graph},
		"stats":           {atOnce, false, []string{"reset", "channels"}, (*Server).statsOf},
		"leases":          {atOnce, true, none, (*Server).leases},
		"set":             {atOnce, false, nil, (*Server).setAttributes},
		"loglevel":        {atOnce, true, []string{"level", "for"}, (*Server).setLogLevel},
		"stop":            {inOrder, false, none, (*Server).stop},
		"start":           {inOrder, false, none, (*Server).start},
		"drain":           {inOrder, true, none, (*Server).drain},
		"purge":           {beside, false, []string{"confirm", "save", "count"}, (*Server).purge},
		"groups":          {beside, false, []string{"key", "limit"}, (*Server).groups},
		"release":         {beside, false, []string{"key", "all"}, (*Server).release},
		"forget":          {beside, false, []string{"key", "confirm", "save"}, (*Server).forgetGroup},
		"move":            {beside, false, []string{"key", "to", "confirm"}, (*Server).move},
		"job":             {beside, false, slices.Concat([]string{"action"}, lettersArgs, planArgs), (*Server).job},
		"jobs":            {streaming, false, []string{"follow", "for"}, (*Server).listJobs},
		"replay":          {beside, false, []string{"count", "invalid"}, (*Server).replay},
		"apply":           {inOrder, false, []string{"dry_run", "replace", "vars"}, (*Server).apply},
		"reload":          {inOrder, true, []string{"dry_run"}, (*Server).reload},
		"remove":          {inOrder, false, none, (*Server).remove},
		"tap":             {streaming, false, []string{"if", "sample", "count", "for"}, (*Server).tap},
		"letters":         {streaming, false, append([]string{"list", "by", "limit"}, lettersArgs...), (*Server).letters},
		"letters_body":    {streaming, false, append([]string{"limit", "exact"}, lettersArgs...), (*Server).lettersBody},
		"letters_archive": {beside, true, []string{"limit"}, (*Server).archivedLetters},
		"letters_edit":    {beside, false, []string{"ids", "invalid", "set", "unset", "body", "body_base64", "raw"}, (*Server).editLetter},
		"letters_discard": {beside, false, append([]string{"reason", "confirm"}, lettersArgs...), (*Server).discardLetters},
		"letters_restore": {beside, false, []string{"ids", "again", "letter", "invalid"}, (*Server).restoreLetter},
		"peek":            {streaming, false, []string{"count"}, (*Server).peek},
		"inject":          {beside, false, []string{"body", "headers", "content_type", "correlation_id", "key", "test", "timeout"}, (*Server).inject},
	}
}

// Commands returns the names of all commands, sorted.
func Commands() []string { return slices.Sorted(maps.Keys(commands)) }

// Arguments returns the arguments that a command takes, but for the attributes of stages,
// and whether it has a target.
func Arguments(command string) (names []string, target bool) {
	k := commands[command]
	return k.args, !k.alone
}

// find returns those of all whose address matches a target. Where there are none, the
// error says what they are called.
func find[T any](what, target string, matches func(target, address string) bool, all []T, address func(T) string) (found []T, err error) {
	var names []string
	for _, one := range all {
		if names = append(names, address(one)); matches(target, address(one)) {
			found = append(found, one)
		}
	}
	if found == nil {
		return nil, Errorf(UnknownTarget, "no %s %s%s", what, clip(target), nearest.Hint(target, names))
	}
	return found, nil
}

// same matches a target that is an address, and no pattern of some.
func same(target, address string) bool { return target == address }

// flows returns the flows that the target names; of list and drain, without one, all.
func (s *Server) flows(r *request) ([]Flow, error) {
	all, name := s.Process.Flows(), r.Command.Command
	switch {
	case r.Target != "":
		return find("flow", r.Target, Matches, all, Flow.Name)
	case name == "list", name == "drain":
		return all, nil
	}
	return nil, Errorf(BadArgs, "%s needs a flow as its target; \"*\" is all of them", name)
}

// stages returns all stages.
func (s *Server) stages() (all []Stage) {
	for _, f := range s.Process.Flows() {
		all = append(all, f.Stages()...)
	}
	return all
}
