package routing

import (
	"errors"
	"fmt"
	"slices"

	"github.com/eipd/eipd/eip"
)

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
	undoes := false
	for b := range p.blocks() {
		undoes = undoes || b.Undo != nil
		if err := plan.checkBlock(b); err != nil {
			return b.blame(err)
		}
	}
	for b := range p.blocks() {
		if b.UndoTo != "" && !undoes {
			return b.blame(errors.New("undo_to: nothing has an undo; write goto"))
		}
	}
	if err := plan.checkWays(p); err != nil {
		return err
	}
	return plan.checkReplies(p)
}

// blame says in which block something is wrong.
func (b processBlock) blame(err error) error {
	if b.option != b.name {
		err = fmt.Errorf("%s: %w", b.name, err)
	}
	return &eip.OptionError{Option: b.option, Err: err}
}

// checkBlock checks what one block does.
func (p *processPlan) checkBlock(b processBlock) error {
	to := b.leads()
	switch {
	case b.Goto != "" && b.UndoTo != "":
		return errors.New("it goes to one state, by goto or by undo_to")
	case b.UndoTo != "" && b.state == "":
		return errors.New("what begins a process has nothing to undo; write goto")
	case to == "":
		return errors.New("it does not say in which state the process begins; add goto")
	case p.states[to] == nil && p.finals[to] == nil:
		return fmt.Errorf("there is no state %q", to)
	case (p.finals[to] != nil || b.UndoTo != "") && len(b.Request) > 0:
		return fmt.Errorf("request %s: nobody would take its reply; write send", b.Request[0].Label)
	case b.after:
		return errors.New("it is never tried: what stands before it takes all that comes")
	}
	if err := b.If.check("if"); err != nil {
		return err
	}
	for _, set := range b.Set {
		if err := set.check("set"); err != nil {
			return err
		}
	}
	if err := checkSent(b.Send, b.Request); err != nil || b.Undo == nil {
		return err
	}
	for _, r := range b.Undo.Request {
		if r.Timeout <= 0 {
			return fmt.Errorf("undo: request %s: nobody knows how long to wait for its reply; add a timeout", r.Label)
		}
	}
	return checkSent(b.Undo.Send, b.Undo.Request)
}

// checkSent checks what is sent.
func checkSent(sends []*ProcessSend, requests []*ProcessRequest) error {
	check := func(body OfProcess, headers map[string]OfProcess) error {
		if err := body.check("body"); err != nil {
			return err
		}
		for _, h := range headers {
			if err := h.check("headers"); err != nil {
				return err
			}
		}
		return nil
	}
	for _, s := range sends {
		if len(s.To) == 0 {
			return errors.New("send: it does not say where to")
		}
		if err := check(s.Body, s.Headers); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	for i, r := range requests {
		err := check(r.Body, r.Headers)
		switch {
		case err != nil:
		case slices.ContainsFunc(requests[:i], func(o *ProcessRequest) bool { return o.Label == r.Label }):
			err = errors.New("there are two of this name")
		case len(r.To) != 1 || !takesReplies(r.To[0].Handler):
			err = errors.New("to: it is one queue, whose service replies")
		case r.Timeout < 0:
			err = fmt.Errorf("timeout: %v is no time to wait", r.Timeout)
		}
		if err != nil {
			return fmt.Errorf("request %s: %w", r.Label, err)
		}
	}
	return nil
}

func takesReplies(h eip.Handler) bool {
	_, ok := h.(eip.Inboxer)
	return ok
}

// checkWays checks that processes come into each state, and from there to an end.
func (p *processPlan) checkWays(of *ProcessManager) error {
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
			return eip.OptionErrorf("state "+s.Label, "no process comes into it: no goto leads there")
		case !ends[s.Label]:
			return eip.OptionErrorf("state "+s.Label, "no process that is in it ever ends: no goto leads from it to a final state. Perhaps it needs an after")
		}
	}
	for _, f := range of.Finals {
		if !comes[f.Label] {
			return eip.OptionErrorf("final "+f.Label, "no process comes into it: no goto leads there")
		}
	}
	return nil
}

// checkReplies checks that each reply is taken, and each that is taken asked for.
func (p *processPlan) checkReplies(of *ProcessManager) error {
	type one struct{ state, name string }
	asks, times := map[one]bool{}, map[one]bool{}
	for b := range of.blocks() {
		state := p.states[b.leads()]
		for _, r := range b.Request {
			asks[one{state.Label, r.Label}] = true
			times[one{state.Label, r.Label}] = times[one{state.Label, r.Label}] || r.Timeout > 0
			if r.Timeout > 0 && state.onTimeout(r.Label) == nil && len(state.After) == 0 {
				return b.blame(fmt.Errorf("request %s: nothing is done at its timeout: the state %s has no on_timeout %q, nor an after", r.Label, state.Label, r.Label))
			}
			if state.Otherwise == nil && !slices.ContainsFunc(state.OnReply, func(on *ProcessReply) bool { return on.Label == r.Label }) {
				return b.blame(fmt.Errorf("request %s: the state %s has no on_reply %q, nor an otherwise", r.Label, state.Label, r.Label))
			}
		}
	}
	for _, s := range of.States {
		for i, on := range slices.Concat(s.OnReply, s.OnError) {
			kind := "on_reply"
			if i >= len(s.OnReply) {
				kind = "on_error"
			}
			if !asks[one{s.Label, on.Label}] {
				return eip.OptionErrorf("state "+s.Label, "%s %s: no request %q is made on the way into the state, or in it", kind, on.Label, on.Label)
			}
		}
		for _, on := range s.OnTimeout {
			if !times[one{s.Label, on.Label}] {
				return eip.OptionErrorf("state "+s.Label, "on_timeout %s: no request %q with a timeout is made on the way into the state, or in it", on.Label, on.Label)
			}
		}
	}
	return nil
}
