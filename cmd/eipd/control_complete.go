package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/visible"
)

// completionTime is how long a shell may wait for a process.
const completionTime = 700 * time.Millisecond

const (
	noFiles = cobra.ShellCompDirectiveNoFileComp
	goesOn  = noFiles | cobra.ShellCompDirectiveNoSpace
)

// How some arguments are completed: flags are true where they are given, words have few
// values, and programs alone give the others.
var (
	flagArgs    = []string{"again", "all", "ask", "channels", "dry_run", "follow", "invalid", "list", "raw", "replace", "reset", "save", "test"}
	wordArgs    = map[string][]string{"action": {"cancel", "create", "pause", "resume", "step"}, "level": {"debug", "error", "info", "warn"}}
	programArgs = []string{"body_base64", "exact", "letter"}
)

// options are what a command takes, besides a stage's own attributes.
func options(command, target string) (all []string) {
	args, _ := control.Arguments(command)
	for _, name := range args {
		switch {
		case slices.Contains(programArgs, name):
		case slices.Contains(flagArgs, name):
			all = append(all, name+"=true")
		case name == objectArgs[command]:
			all = append(all, name+".")
		case name == "confirm" && command != "letters_discard": // there it is a number
			all = append(all, name+"="+target)
		case wordArgs[name] != nil:
			for _, word := range wordArgs[name] {
				all = append(all, name+"="+word)
			}
		default:
			all = append(all, name+"=")
		}
	}
	slices.Sort(all)
	return all
}

// ofFiles are commands whose target is the name of a file, where the process runs.
var ofFiles = []string{"apply", "remove"}

// complete offers commands, then what the running processes have.
func (c *controlCommand) complete(cmd *cobra.Command, words []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(words) == 0 {
		return control.Commands(), noFiles
	}
	name := words[0]
	_, takesTarget := control.Arguments(name)
	if len(words) == 1 && takesTarget && !strings.Contains(begun, "=") {
		if own := "statistics_every="; name == "set" && begun != "" && strings.HasPrefix(own, begun) {
			return []string{own}, goesOn
		}
		return c.targets(cmd.Context(), name), noFiles
	}
	if attribute, begun, ok := strings.Cut(begun, "="); ok && (name == "set" || name == "tap") && (attribute == "if" || strings.HasSuffix(attribute, ".if")) {
		return expressions(attribute+"=", begun), goesOn
	}
	target := flowOf(words[1:])
	options := options(name, target)
	if name == "set" {
		options = append(c.attributes(cmd.Context(), target), "for=")
	}
	options = slices.DeleteFunc(options, func(o string) bool {
		attribute, _, _ := strings.Cut(o, "=")
		return slices.ContainsFunc(words[1:], func(w string) bool { return strings.HasPrefix(w, attribute+"=") })
	})
	if slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, begun) && strings.ContainsAny(o[len(o)-1:], "=.") }) {
		return options, goesOn
	}
	return options, noFiles
}

// expressions are the ways in which a name that is begun in an expression may go on,
// with what stands before it.
func expressions(before, begun string) (all []string) {
	at := strings.LastIndexFunc(begun, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) + 1
	if at > 0 && strings.Contains(".#", begun[at-1:at]) || strings.Count(begun, "'")%2 == 1 || strings.Count(begun, `"`)%2 == 1 {
		return nil // a member, or text
	}
	add := func(name, does string) {
		if strings.HasPrefix(name, begun[at:]) {
			all = append(all, before+begun[:at]+name+"\t"+does)
		}
	}
	add("body", "the payload")
	add("headers", "the message's headers")
	add("message", "its properties, such as message.key")
	for _, f := range expression.Catalogue() {
		add(f.Name(), f.Does)
	}
	return all
}

// completeFolders has the shell offer folders for flags that take one.
func completeFolders(root *cobra.Command) {
	for _, c := range root.Commands() {
		for _, name := range []string{"data-dir", "flows-dir"} {
			if c.Flags().Lookup(name) != nil {
				_ = c.MarkFlagDirname(name) // the flag exists
			}
		}
	}
}

// targets are the addresses that a command can be about.
func (b *bus) targets(ctx context.Context, command string) (all []string) {
	if slices.Contains(ofFiles, command) {
		return nil
	}
	ofGroups := command == "groups" || command == "release" || command == "forget" || command == "move"
	for _, g := range b.graphs(ctx) {
		for _, f := range g.Flows {
			if command != "set" && command != "purge" && !ofGroups {
				all = append(all, f.Name)
			}
			for _, s := range f.Stages {
				if command == "set" && len(s.Settable) > 0 || command == "stats" || command == "tap" || ofGroups && s.Remembers {
					all = append(all, s.Address)
				}
			}
		}
		for _, ch := range g.Channels {
			if command == "inject" || command == "stats" || (command == "purge" || command == "peek") && ch.Kind == "queue" {
				all = append(all, ch.Name)
			}
		}
	}
	return offered(all)
}

// offered are completions without those that would do things to a terminal.
func offered(all []string) []string {
	all = slices.DeleteFunc(all, func(s string) bool { return visible.Line(s) != s })
	slices.Sort(all)
	return slices.Compact(all)
}

// attributes are what can be set of the stages of a target.
func (b *bus) attributes(ctx context.Context, target string) (all []string) {
	for _, g := range b.graphs(ctx) {
		for _, f := range g.Flows {
			for _, s := range f.Stages {
				if !control.Matches(target, s.Address) {
					continue
				}
				for _, name := range slices.Sorted(maps.Keys(s.Settable)) {
					if _, isBool := s.Settable[name].(bool); isBool {
						all = append(all, name+"=true", name+"=false")
					} else {
						all = append(all, name+"=")
					}
				}
			}
		}
	}
	return offered(all)
}

func (b *bus) graphs(ctx context.Context) (all []control.Graph) {
	for _, r := range b.quickly(ctx, "list") {
		var g control.Graph
		if r.Read(&g) == nil {
			all = append(all, g)
		}
	}
	return all
}

// quickly asks the processes for what a shell wants to know. Without an answer
// there is nothing to complete.
func (b *bus) quickly(ctx context.Context, command string) (replies []control.Reply) {
	ctx, cancel := context.WithTimeout(ctx, 3*completionTime)
	defer cancel()
	a, err := b.dial(ctx)
	if err != nil {
		return nil
	}
	defer a.Close()
	hasty := *b
	hasty.wait, hasty.waitSet = completionTime, true
	_ = hasty.ask(ctx, a, b.command(command, "", nil), func(r control.Reply) error {
		replies = append(replies, r)
		return nil
	})
	return replies
}

func (b *bus) completeInstance(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, r := range b.quickly(cmd.Context(), "status") {
		names = append(names, fmt.Sprintf("%s\tpid %s", visible.Line(r.Instance), pidOf(r)))
	}
	return names, noFiles
}

func pidOf(r control.Reply) string {
	var s control.Status
	if err := r.Read(&s); err != nil {
		return "unknown"
	}
	return fmt.Sprint(s.PID)
}
