package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// viewer prints replies for people.
type viewer struct {
	out     io.Writer
	colours bool
}

// print prints what was done; what was not is said elsewhere.
func (v *viewer) print(command string, replies []control.Reply) error {
	done := slices.DeleteFunc(slices.Clone(replies), func(r control.Reply) bool { return !r.OK })
	if len(done) == 0 {
		return nil
	}
	slices.SortStableFunc(done, func(a, b control.Reply) int { return strings.Compare(a.Instance, b.Instance) })
	shown := map[string]func([]control.Reply) error{"status": v.status, "list": v.list, "stats": v.stats, "inject": v.inject, "leases": v.leases, "groups": v.groups, "apply": v.applied, "remove": v.applied, "reload": v.applied}[command]
	if shown == nil {
		shown = v.results
	}
	return shown(done)
}

func (v *viewer) grid(names ...string) *grid {
	return &grid{rows: [][]cell{head(names...)}, colours: v.colours}
}

// alike groups replies that say the same.
func alike(replies []control.Reply) (groups [][]control.Reply) {
	for _, r := range replies {
		i := slices.IndexFunc(groups, func(g []control.Reply) bool { return bytes.Equal(g[0].Result, r.Result) })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// title prints which processes the next table is about, where there are several.
func (v *viewer) title(group []control.Reply, of int, first bool) {
	if of == 1 {
		return
	}
	if !first {
		fmt.Fprintln(v.out)
	}
	var names []string
	for _, r := range group {
		names = append(names, r.Instance)
	}
	fmt.Fprintln(v.out, styled(strings.Join(names, ", "), bold, v.colours))
}

// results prints what commands that change something have done.
func (v *viewer) results(replies []control.Reply) error {
	g := v.grid("INSTANCE", "TARGET", "RESULT")
	for _, r := range replies {
		var result any
		if err := r.Read(&result); err != nil {
			return err
		}
		for _, t := range byTarget(r.Target, result) {
			g.add(texts(r.Instance, t.target, t.result)...)
		}
	}
	return g.print(v.out)
}

type targeted struct{ target, result string }

// byTarget takes a result apart where it is by target.
func byTarget(target string, result any) (all []targeted) {
	object, ok := result.(map[string]any)
	for _, v := range object {
		_, inner := v.(map[string]any)
		ok = ok && inner
	}
	if !ok || len(object) == 0 {
		return []targeted{{target, pairs(result)}}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		all = append(all, targeted{name, pairs(object[name])})
	}
	return all
}

// pairs writes an object as name=value; what it was and until when come last.
func pairs(v any) string {
	object, ok := v.(map[string]any)
	if !ok {
		return plainly(v)
	}
	last := map[string]int{"was": 1, "until": 2}
	names := slices.SortedFunc(maps.Keys(object), func(a, b string) int {
		return cmp.Or(cmp.Compare(last[a], last[b]), cmp.Compare(a, b))
	})
	for i, name := range names {
		if until, ok := object[name].(string); ok && name == "until" {
			names[i] = "until " + clock(until)
			continue
		}
		names[i] = name + "=" + plainly(object[name])
	}
	return strings.Join(names, " ")
}

// plainly writes a value as the command line takes it.
func plainly(v any) string {
	if text, ok := v.(string); ok && !strings.ContainsAny(text, " \"") {
		return text
	}
	b, err := marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// clock writes a time as clocks here show it.
func clock(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return clockTime(t)
}

func clockTime(t time.Time) string {
	t = t.Local()
	if now := time.Now(); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format(time.TimeOnly)
}

// leases prints what is set for a time.
func (v *viewer) leases(replies []control.Reply) error {
	g := v.grid("INSTANCE", "ADDRESS", "ATTRIBUTE", "VALUE", "UNTIL")
	for _, r := range replies {
		var all control.Leases
		if err := r.Read(&all); err != nil {
			return err
		}
		for _, l := range all.Leases {
			g.add(texts(r.Instance, l.Address, l.Attribute, plainly(l.Value), clockTime(l.Until))...)
		}
	}
	return g.print(v.out)
}

// status prints how processes are.
func (v *viewer) status(replies []control.Reply) error {
	g := v.grid("INSTANCE", "VERSION", "UPTIME", "STATE", "FLOWS", "BROKERS")
	var trouble []string
	wait, dead := depths{}, deadLetters{}
	for _, r := range replies {
		var s control.Status
		if err := r.Read(&s); err != nil {
			return err
		}
		state := cell{text: s.State, style: green}
		if s.State != "running" {
			state.style = yellow
		}
		up := time.Duration(s.Uptime * float64(time.Second))
		g.add(cell{text: s.Instance}, cell{text: s.Version}, number(briefly(up)), state, cell{text: flowNames(s.Flows, s.Stopped, s.Standby)}, brokersOf(s))
		trouble = append(trouble, troubles(s)...)
		wait.add(s.Depths)
		dead.add(s.DeadLetters)
	}
	err := g.print(v.out)
	for _, line := range append(trouble, dead.lines()...) {
		fmt.Fprintln(v.out, styled(line, yellow, v.colours))
	}
	return cmp.Or(err, v.depths(wait))
}

// brokersOf lists the brokers of a process.
func brokersOf(s control.Status) (c cell) {
	var names []string
	for _, b := range s.Brokers {
		text := b.Name + " " + b.URL
		if !b.Connected {
			text += " not connected"
			c.style = red
		}
		names = append(names, text)
	}
	c.text = cmp.Or(strings.Join(names, ", "), "none")
	return c
}

// troubles says what does not work in a process, a line each.
func troubles(s control.Status) (all []string) {
	say := func(format string, args ...any) { all = append(all, s.Instance+": "+fmt.Sprintf(format, args...)) }
	for _, b := range s.Brokers {
		if b.Waiting != "" {
			say("broker %s waits: %s", b.Name, b.Waiting)
		}
	}
	for _, f := range s.Hindered {
		say("flow %s is %s: %s", f.Flow, f.State, f.Why)
	}
	for _, p := range s.Plugins {
		if p.State != control.PluginReady {
			say("plugin %s has failed: %s", p.Address, p.Why)
		}
	}
	for _, f := range s.Unapplied {
		say("flow file %s is not applied: %s", f.File, f.Why)
	}
	for _, l := range s.Control {
		if l.State != "open" {
			say("control bus: %s %s is %s", l.On, l.At, l.State)
		}
	}
	return all
}

// flowNames lists flows, but not very many.
func flowNames(flows, stopped, standby []string) string {
	const most = 50
	var out strings.Builder
	for i, f := range flows {
		switch {
		case slices.Contains(stopped, f):
			f += " (stopped)"
		case slices.Contains(standby, f):
			f += " (standby)"
		}
		if i > 0 {
			f = ", " + f
		}
		if out.Len()+len(f) > most && i > 0 {
			fmt.Fprintf(&out, " … %d in all", len(flows))
			if len(stopped) > 0 {
				fmt.Fprintf(&out, ", %d stopped", len(stopped))
			}
			return out.String()
		}
		out.WriteString(f)
	}
	if len(flows) == 0 {
		return "none"
	}
	return out.String()
}

// briefly writes a time in its two largest units.
func briefly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
}
