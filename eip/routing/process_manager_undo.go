package routing

import (
	"fmt"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/wire"
)

// remember puts down what takes back what was done now.
func (h *happening) remember(u *ProcessUndo) error {
	var all []undo
	add := func(what string, body OfProcess, headers map[string]OfProcess, to ...undo) error {
		m, err := h.make(body, headers)
		if err != nil {
			return fmt.Errorf("undo: %s: %w", what, err)
		}
		message, err := wire.Encode(nil, m, 0)
		for i := range to {
			to[i].Message = message
		}
		all = append(all, to...)
		return err
	}
	for _, s := range u.Send {
		var to []undo
		for _, t := range s.To {
			to = append(to, undo{To: t.Name})
		}
		if err := add("send", s.Body, s.Headers, to...); err != nil {
			return err
		}
	}
	for _, r := range u.Request {
		if err := add("request "+r.Label, r.Body, r.Headers, undo{To: r.To[0].Name, Request: r.Label, Timeout: r.Timeout}); err != nil {
			return err
		}
	}
	slices.Reverse(all) // those of one step go in their order
	h.process.Undo = append(h.process.Undo, all...)
	return nil
}

// undoTo takes back all that can be undone, and goes to a state then.
func (h *happening) undoTo(state string) error {
	h.process.UndoTo = state
	h.enter(undoing)
	return h.undoNext()
}

// undoNext takes back the next ones, up to the first whose reply is to be waited for.
func (h *happening) undoNext() error {
	p := h.process
	for n := len(p.Undo); n > 0; n = len(p.Undo) {
		u := p.Undo[n-1]
		m, _, err := wire.Decode(u.Message, nil)
		if err != nil {
			return eip.Permanent(fmt.Errorf("what takes back a step cannot be read: %w", err))
		}
		if h.of.plan.targets[u.To] == nil || u.Request != "" && h.of.inbox == nil {
			return h.undoFails(fmt.Errorf("the flow does not send to %s any more", u.To))
		}
		if u.Request != "" {
			h.ask(u.To, u.Request, u.Timeout, m)
			return nil
		}
		h.send(u.To, m)
		h.note("undone")
		p.Undo = p.Undo[:n-1]
	}
	h.enter(p.UndoTo)
	p.UndoTo = ""
	return h.arrive()
}

// undone is about the reply to a request that takes something back; err: it does not.
func (h *happening) undone(err error) error {
	p := h.process
	p.Version++
	h.note("events")
	if err != nil {
		return h.undoFails(err)
	}
	h.note("undone")
	p.Undo = p.Undo[:len(p.Undo)-1]
	return h.undoNext()
}

// undoFails leaves the rest to people.
func (h *happening) undoFails(why error) error {
	p := h.process
	why = fmt.Errorf("the process %q, on its way to the state %q, still has to undo %d of its steps, and cannot undo the first of these: %w", p.Key, p.UndoTo, len(p.Undo), why)
	h.note("undo_failed")
	h.enter(undoFailed)
	return h.fail(why, true)
}

// left is what a process has not undone, in the order in which it would be.
func (p *process) left() []map[string]any {
	left := make([]map[string]any, 0, len(p.Undo))
	for _, u := range slices.Backward(p.Undo) {
		one := map[string]any{"to": u.To}
		if u.Request != "" {
			one["request"] = u.Request
		}
		if m, _, err := wire.Decode(u.Message, nil); err == nil {
			if one["body"], err = raw(m); err != nil {
				one["body"] = string(m.Body())
			}
		}
		left = append(left, one)
	}
	return left
}

// fail makes a dead letter of what a process is, and where it gives up of what is not undone.
func (h *happening) fail(why error, givesUp bool) error {
	p := h.process
	body := p.shown()
	if givesUp && len(p.Undo) > 0 {
		body["left"] = p.left()
	}
	if givesUp && p.UndoTo != "" {
		body["undo_to"] = p.UndoTo
	}
	m, err := jsonMessage(body)
	if err != nil {
		return err
	}
	m = m.WithHeaders(eip.Headers{header.Group: p.Key, header.To: toNobody})
	if p.Test != "" {
		m = m.WithHeader(header.Test, p.Test)
	}
	h.out = append(h.out, outgoing{m, why})
	return nil
}
