package routing

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
)

// A processPlan is what a process manager goes by.
type processPlan struct {
	states  map[string]*plannedState
	finals  map[string]*ProcessFinal
	targets map[string]eip.Handler // by their names
}

type plannedState struct {
	*ProcessState
	after []plannedAfter
}

type plannedAfter struct {
	*ProcessAfter
	time time.Duration
}

// planned finds states and targets by their names.
func (p *ProcessManager) planned() (*processPlan, error) {
	var wrong []error
	no := func(in any, option, format string, args ...any) {
		wrong = append(wrong, within(in, option, fmt.Errorf(format, args...)))
	}
	plan := &processPlan{map[string]*plannedState{}, map[string]*ProcessFinal{}, map[string]eip.Handler{}}
	taken := map[string]bool{undoing: true, undoFailed: true}
	for _, s := range p.States {
		switch {
		case taken[s.Label]:
			no(s, "state "+s.Label, "the name %q is taken", s.Label)
			continue
		case len(s.Label) > mostState:
			no(s, "state "+quote(s.Label), "its name has %d bytes, more than %d", len(s.Label), mostState)
		}
		planned := &plannedState{ProcessState: s}
		for _, a := range s.After {
			d, err := time.ParseDuration(a.Label)
			if err != nil || d <= 0 {
				no(a, "state "+s.Label, "after %q is no time like 500ms, 5s or 1h30m; a day is 24h", a.Label)
				continue
			}
			if i := slices.IndexFunc(planned.after, func(other plannedAfter) bool { return other.time == d }); i >= 0 {
				no(a, "state "+s.Label, "after %q is as long as after %q: write one of them", a.Label, planned.after[i].Label)
			}
			planned.after = append(planned.after, plannedAfter{a, d})
		}
		taken[s.Label], plan.states[s.Label] = true, planned
	}
	for _, f := range p.Finals {
		if taken[f.Label] {
			no(f, "final "+f.Label, "the name %q is taken", f.Label)
			continue
		}
		taken[f.Label], plan.finals[f.Label] = true, f
	}
	for s := range p.sends() {
		for _, to := range s.To {
			plan.targets[to.Name] = to.Handler
		}
	}
	for r := range p.requests() {
		for _, to := range r.To {
			plan.targets[to.Name] = to.Handler
		}
	}
	return plan, errors.Join(wrong...)
}

// A processBlock is one that does something.
type processBlock struct {
	state  string // that it stands in; "": it begins a process
	option string // of the state, or of itself
	name   string // "on paid"
	in     any    // it, as flow files have it
	after  bool   // another takes all that it could take
	If     ProcessPredicate
	*ProcessAction
}

// leads is the state that the process is in then.
func (b processBlock) leads() string { return cmp.Or(b.Goto, b.UndoTo, b.state) }

// blocks are all that do something.
func (p *ProcessManager) blocks() iter.Seq[processBlock] {
	var all []processBlock
	closed := map[string]bool{} // what takes all that comes
	add := func(state, option, kind, label string, in any, of ProcessPredicate, a *ProcessAction) {
		group := state + " " + kind
		if kind != "on" {
			group += " " + label
		}
		all = append(all, processBlock{state, option, strings.TrimSpace(kind + " " + label), in, closed[group], of, a})
		closed[group] = closed[group] || of.Of == nil
	}
	for _, on := range p.On {
		add("", "on "+on.Label, "on", on.Label, on, on.If, &on.ProcessAction)
	}
	for _, s := range p.States {
		option := "state " + s.Label
		for _, on := range s.On {
			add(s.Label, option, "on", on.Label, on, on.If, &on.ProcessAction)
		}
		for _, on := range s.OnReply {
			add(s.Label, option, "on_reply", on.Label, on, on.If, &on.ProcessAction)
		}
		for _, on := range s.OnError {
			add(s.Label, option, "on_error", on.Label, on, on.If, &on.ProcessAction)
		}
		for _, on := range s.OnTimeout {
			add(s.Label, option, "on_timeout", on.Label, on, ProcessPredicate{}, &on.ProcessAction)
		}
		for _, after := range s.After {
			add(s.Label, option, "after", after.Label, after, ProcessPredicate{}, &after.ProcessAction)
		}
		if s.Otherwise != nil {
			add(s.Label, option, "otherwise", "", s.Otherwise, ProcessPredicate{}, s.Otherwise)
		}
	}
	for _, f := range p.Finals {
		add(f.Label, "final "+f.Label, "final", f.Label, f, ProcessPredicate{}, &ProcessAction{Send: f.Send})
	}
	return slices.Values(all)
}

// sends and requests are all that is sent.
func (p *ProcessManager) sends() iter.Seq[*ProcessSend] {
	return func(yield func(*ProcessSend) bool) {
		for b := range p.blocks() {
			all := b.Send
			if b.Undo != nil {
				all = slices.Concat(all, b.Undo.Send)
			}
			for _, s := range all {
				if !yield(s) {
					return
				}
			}
		}
	}
}

func (p *ProcessManager) requests() iter.Seq[*ProcessRequest] {
	return func(yield func(*ProcessRequest) bool) {
		for b := range p.blocks() {
			all := b.Request
			if b.Undo != nil {
				all = slices.Concat(all, b.Undo.Request)
			}
			for _, r := range all {
				if !yield(r) {
					return
				}
			}
		}
	}
}
