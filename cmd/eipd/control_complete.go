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

// argumentsOf are what commands take, besides a stage's own attributes.
var argumentsOf = map[string][]string{
	"stats":           {"channels=true", "reset=true"},
	"set":             {"for="},
	"inject":          {"body=", "content_type=", "correlation_id=", "headers.", "key=", "test=true", "timeout="},
	"loglevel":        {"for=", "level=debug", "level=error", "level=info", "level=warn"},
	"purge":           {"count=", "save=true"},
	"groups":          {"key=", "limit="},
	"release":         {"all=true", "key="},
	"forget":          {"key=", "save=true"},
	"move":            {"key=", "to="},
	"replay":          {"count=", "invalid=true"},
	"job":             {"action=cancel", "action=create", "action=pause", "action=resume", "action=step", "ask=true", "canary=", "group=", "ids=", "if=", "invalid=true", "rate=", "since=", "soak=", "stop_after=", "under_way=", "until=", "watch=", "within="},
	"jobs":            {"follow=true", "for="},
	"peek":            {"count="},
	"letters":         {"by=", "group=", "ids=", "if=", "invalid=true", "limit=", "list=true", "since=", "until="},
	"letters_body":    {"group=", "ids=", "if=", "invalid=true", "limit=", "since=", "until="},
	"letters_archive": {"limit="},
	"letters_discard": {"confirm=", "group=", "ids=", "if=", "invalid=true", "reason=", "since=", "until="},
	"letters_edit":    {"ids=", "invalid=true", "raw=true", "set.", "unset="},
	"letters_restore": {"again=true", "ids="},
	"tap":             {"count=", "for=", "if=", "sample="},
	"apply":           {"dry_run=true", "replace=true", "vars."},
	"reload":          {"dry_run=true"},
}

// targetless commands take no target.
var targetless = []string{"status", "graph", "letters_archive", "leases", "loglevel", "drain", "reload"}

// ofFiles are commands whose target is the name of a file, where the process runs.
var ofFiles = []string{"apply", "remove"}

// complete offers commands, then what the running processes have.
func (c *controlCommand) complete(cmd *cobra.Command, words []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(words) == 0 {
		return control.Commands(), noFiles
	}
	name, takesTarget := words[0], !slices.Contains(targetless, words[0])
	if len(words) == 1 && takesTarget && !strings.Contains(begun, "=") {
		if own := "statistics_every="; name == "set" && begun != "" && strings.HasPrefix(own, begun) {
			return []string{own}, goesOn
		}
		return c.targets(cmd.Context(), name), noFiles
	}
	if attribute, begun, ok := strings.Cut(begun, "="); ok && (name == "set" || name == "tap") && (attribute == "if" || strings.HasSuffix(attribute, ".if")) {
		return expressions(attribute+"=", begun), goesOn
	}
	options := argumentsOf[name]
	switch name {
	case "set":
		options = append(c.attributes(cmd.Context(), words[1]), options...)
	case "purge", "forget", "move":
		options = append([]string{"confirm=" + words[1]}, options...)
	}
	options = slices.DeleteFunc(slices.Clone(options), func(o string) bool {
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
