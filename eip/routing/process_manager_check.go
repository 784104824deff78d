package routing

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/internal/nearest"
)

// Validate checks the plan of the processes, and reports all that is wrong. Where there are
// wrong ways, it does not say which states they miss.
func (p *ProcessManager) Validate() error {
	var wrong []error
	check := func(ok bool, option, format string, args ...any) {
		if !ok {
			wrong = append(wrong, eip.OptionErrorf(option, format, args...))
		}
	}
	check(p.MaxProcesses.Load() >= 1, "max_processes", "there must be room for at least one process")
	check(p.MaxAge.Load() > 0, "max_age", "%v is no age", p.MaxAge.Load())
	check(p.Patience.Load() > 0, "patience", "%v is no time to wait", p.Patience.Load())
	check(p.Remember >= 0, "remember", "%v is no time", p.Remember)
	plan, err := p.planned()
	if err != nil {
		wrong = append(wrong, err)
	}
	undoes := false
	for b := range p.blocks() {
		undoes = undoes || b.Undo != nil
		wrong = append(wrong, plan.checkBlock(b)...)
	}
	for b := range p.blocks() {
		if b.state != "" && b.UndoTo != "" && !undoes {
			wrong = append(wrong, b.wrong("undo_to", "nothing has an undo; write goto"))
		}
	}
	if len(wrong) == 0 {
		wrong = slices.Concat(plan.checkWays(p), plan.checkReplies(p), plan.checkAges(p))
	}
	return errors.Join(wrong...)
}

// within says in which block of a block something is wrong.
func within(block any, name string, err error) error {
	return &eip.OptionError{Option: name, In: block, Err: err}
}

// wrong says which option of the block is wrong; "": the block itself.
func (b processBlock) wrong(option, format string, args ...any) error {
	if option == "" {
		return b.blame(fmt.Errorf(format, args...))
	}
	return b.blame(eip.OptionErrorf(option, format, args...))
}

// blame says in which block something is wrong.
func (b processBlock) blame(err error) error {
	err = within(b.in, b.name, err)
	if b.option == b.name {
		return err
	}
	return &eip.OptionError{Option: b.option, Err: err}
}

// checkBlock checks what one block does.
func (p *processPlan) checkBlock(b processBlock) (wrong []error) {
	no := func(option, format string, args ...any) { wrong = append(wrong, b.wrong(option, format, args...)) }
	there := func(option, to string) {
		if to != "" && p.states[to] == nil && p.finals[to] == nil {
			no(option, "there is no state %q%s", to, p.hint(to))
		}
	}
	there("goto", b.Goto)
	there("undo_to", b.UndoTo)
	to := b.leads()
	switch {
	case b.Goto != "" && b.UndoTo != "":
		no("", "it goes to one state, by goto or by undo_to")
	case b.UndoTo != "" && b.state == "":
		no("undo_to", "what begins a process has nothing to undo; write goto")
	case to == "":
		no("", "it does not say in which state the process begins; add goto")
	case (p.finals[to] != nil || b.UndoTo != "") && len(b.Request) > 0:
		wrong = append(wrong, b.blame(within(b.Request[0], "request "+b.Request[0].Label, errors.New("nobody would take its reply; write send"))))
	}
	if b.after {
		no("", "it is never tried: what stands before it takes all that comes")
	}
	blame := func(all []error, in func(error) error) {
		for _, err := range all {
			wrong = append(wrong, b.blame(in(err)))
		}
	}
	as := func(err error) error { return err }
	blame(b.If.check("if"), as)
	blame(checkAll("set", b.Set), as)
	blame(checkSent(b.Send, b.Request), as)
	if u := b.Undo; u != nil {
		undo := func(err error) error { return within(u, "undo", err) }
		blame(checkSent(u.Send, u.Request), undo)
		for _, r := range u.Request {
			if r.Timeout == 0 {
				blame([]error{within(r, "request "+r.Label, errors.New("nobody knows how long to wait for its reply; add a timeout"))}, undo)
			}
		}
	}
	return wrong
}

// hint says which state may have been meant.
func (p *processPlan) hint(state string) string { return nearest.Hint(state, p.names()) }

// names are those of all states.
func (p *processPlan) names() []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(p.states)), maps.Keys(p.finals))
}

// checkAll checks expressions by their names.
func checkAll(option string, all map[string]OfProcess) (wrong []error) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		of := all[name]
		wrong = append(wrong, of.check(option)...)
	}
	return wrong
}

// checkSent checks what is sent.
func checkSent(sends []*ProcessSend, requests []*ProcessRequest) (wrong []error) {
	for _, s := range sends {
		all := append(s.Body.check("body"), checkAll("headers", s.Headers)...)
		if len(s.To) == 0 {
			all = append(all, errors.New("it does not say where to"))
		}
		for _, err := range all {
			wrong = append(wrong, within(s, "send", err))
		}
	}
	for i, r := range requests {
		all := append(r.Body.check("body"), checkAll("headers", r.Headers)...)
		if slices.ContainsFunc(requests[:i], func(o *ProcessRequest) bool { return o.Label == r.Label }) {
			all = append(all, errors.New("there are two of this name"))
		}
		if len(r.To) != 1 || !takesReplies(r.To[0]) {
			all = append(all, eip.OptionErrorf("to", "it is one queue, whose service replies"))
		}
		if r.Timeout < 0 {
			all = append(all, eip.OptionErrorf("timeout", "%v is no time to wait", r.Timeout))
		}
		for _, err := range all {
			wrong = append(wrong, within(r, "request "+r.Label, err))
		}
	}
	return wrong
}

// takesReplies reports whether one service replies there: of those who listen to a topic,
// nobody knows how many do.
func takesReplies(to eip.Target) bool {
	_, ok := to.Handler.(eip.Inboxer)
	return ok && !isTopic(to)
}

// checkWays checks that processes come into each state, and from there to an end.
func (p *processPlan) checkWays(of *ProcessManager) (wrong []error) {
	comes, ends := map[string]bool{"": true}, map[string]bool{}
	for name := range p.finals {
		ends[name] = true
	}
	for changed := true; changed; {
		changed = false
		for b := range of.blocks() {
			if to := b.leads(); comes[b.state] && !comes[to] {
				comes[to], changed = true, true
			}
			if to := b.leads(); ends[to] && !ends[b.state] {
				ends[b.state], changed = true, true
			}
		}
	}
	for _, s := range of.States {
		switch {
		case !comes[s.Label]:
			wrong = append(wrong, within(s, "state "+s.Label, errors.New("no process comes into it: no goto leads there")))
		case !ends[s.Label]:
			wrong = append(wrong, within(s, "state "+s.Label, errors.New("no process that is in it ever ends: no goto leads from it to a final state. Perhaps it needs an after")))
		}
	}
	for _, f := range of.Finals {
		if !comes[f.Label] {
			wrong = append(wrong, within(f, "final "+f.Label, errors.New("no process comes into it: no goto leads there")))
		}
	}
	return wrong
}

// checkAges checks that a process lives long enough for its times.
func (p *processPlan) checkAges(of *ProcessManager) (wrong []error) {
	age := of.MaxAge.Load()
	for _, s := range of.States {
		for _, a := range p.states[s.Label].after {
			if a.time >= age {
				wrong = append(wrong, within(a.ProcessAfter, "state "+s.Label, fmt.Errorf("after %s: it is never done: a process is given up before, by max_age, after %v", a.Label, age)))
			}
		}
	}
	for b := range of.blocks() {
		for _, err := range neverOver(b.Request, age) {
			wrong = append(wrong, b.blame(err))
		}
		if u := b.Undo; u != nil {
			for _, err := range neverOver(u.Request, age) {
				wrong = append(wrong, b.blame(within(u, "undo", err)))
			}
		}
	}
	return wrong
}

// neverOver says of requests that a process does not live until their timeout.
func neverOver(all []*ProcessRequest, age time.Duration) (wrong []error) {
	for _, r := range all {
		if r.Timeout >= age {
			wrong = append(wrong, within(r, "request "+r.Label, eip.OptionErrorf("timeout", "it is never over: a process is given up before, by max_age, after %v", age)))
		}
	}
	return wrong
}

// checkReplies checks that each reply is taken, and each that is taken asked for.
func (p *processPlan) checkReplies(of *ProcessManager) (wrong []error) {
	type one struct{ state, name string }
	asks, times := map[one]bool{}, map[one]bool{}
	for b := range of.blocks() {
		state := p.states[b.leads()]
		for _, r := range b.Request {
			no := func(format string, args ...any) {
				wrong = append(wrong, b.blame(within(r, "request "+r.Label, fmt.Errorf(format, args...))))
			}
			asks[one{state.Label, r.Label}] = true
			times[one{state.Label, r.Label}] = times[one{state.Label, r.Label}] || r.Timeout > 0
			if r.Timeout > 0 && state.onTimeout(r.Label) == nil && len(state.After) == 0 {
				no("nothing is done at its timeout: the state %s has no on_timeout %q, nor an after", state.Label, r.Label)
			}
			if state.Otherwise == nil && !slices.ContainsFunc(state.OnReply, func(on *ProcessReply) bool { return on.Label == r.Label }) {
				no("the state %s has no on_reply %q, nor an otherwise", state.Label, r.Label)
			}
		}
	}
	for b := range of.blocks() {
		kind, name, _ := strings.Cut(b.name, " ")
		at := one{b.state, name}
		switch {
		case (kind == "on_reply" || kind == "on_error") && !asks[at]:
			wrong = append(wrong, b.wrong("", "no request %q is made on the way into the state, or in it", name))
		case kind == "on_timeout" && !times[at]:
			wrong = append(wrong, b.wrong("", "no request %q with a timeout is made on the way into the state, or in it", name))
		}
	}
	return wrong
}
