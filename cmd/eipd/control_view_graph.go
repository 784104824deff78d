package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// list prints the configuration; once for processes that have the same.
func (v *viewer) list(replies []control.Reply) error {
	for i, group := range alike(replies) {
		v.title(group, len(replies), i == 0)
		var g control.Graph
		if err := group[0].Read(&g); err != nil {
			return err
		}
		if err := v.graph(&g); err != nil {
			return err
		}
	}
	return nil
}

func (v *viewer) graph(graph *control.Graph) error {
	g := v.grid("ADDRESS", "KIND", "PATTERN", "NOW")
	for _, f := range graph.Flows {
		now := string(f.State)
		if f.Why != "" {
			now += ": " + f.Why + ";"
		}
		if len(f.From) > 0 {
			now += ", from " + strings.Join(f.From, ", ")
		}
		if len(f.To) > 0 {
			now += " to " + strings.Join(f.To, ", ")
		}
		state := green
		if f.State != control.Running && f.State != control.Standby {
			state = yellow
		}
		g.add(cell{text: f.Name, style: bold}, cell{text: cmp.Or(f.Kind, "flow")}, cell{text: "Pipes and Filters", style: faint}, cell{text: now, style: state})
		for _, s := range f.Stages {
			now, changed := settings(s)
			c := cell{text: now}
			if changed {
				c.style = yellow
			}
			g.add(cell{text: s.Address}, cell{text: s.Kind}, cell{text: s.Pattern, style: faint}, c)
		}
	}
	if err := g.print(v.out); err != nil {
		return err
	}
	v.own("log level", graph.LogLevel)
	v.own("statistics every", graph.StatisticsEvery)
	if len(graph.Channels) == 0 {
		return nil
	}
	fmt.Fprintln(v.out)
	g = v.grid("CHANNEL", "ADDRESS", "BROKER", "READ BY", "WRITTEN BY")
	for _, c := range graph.Channels {
		g.add(texts(c.Name, c.Address, c.Broker, strings.Join(c.Read, ", "), strings.Join(c.Written, ", "))...)
	}
	return g.print(v.out)
}

// own prints what was set of the process itself.
func (v *viewer) own(what string, s *control.Setting) {
	if s != nil {
		fmt.Fprintf(v.out, "\n%s %s\n", what, styled(setting("", *s), yellow, v.colours))
	}
}

// settings writes what can be set of a stage, and whether anything was.
func settings(s control.StageNode) (text string, changed bool) {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s.Settable)) {
		c, differs := s.Changed[name]
		if !differs {
			c = control.Setting{Value: s.Settable[name], File: s.Settable[name]}
		}
		all = append(all, setting(name, c))
		changed = changed || differs
	}
	return strings.Join(all, " "), changed
}

func setting(name string, s control.Setting) string {
	text := plainly(s.Value)
	if name != "" {
		text = name + "=" + text
	}
	var notes []string
	if s.Until != nil {
		left := max(0, time.Until(*s.Until)).Round(time.Second)
		notes = append(notes, "until "+clockTime(*s.Until)+", in "+briefly(left))
	}
	if file := plainly(s.File); file != plainly(s.Value) {
		notes = append(notes, "file: "+file)
	}
	if notes != nil {
		text += " (" + strings.Join(notes, "; ") + ")"
	}
	return text
}
