package routing

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/headervalue"
	"github.com/eipd/eipd/eip/internal/instant"
)

// located says in which block of the process something has failed.
func located(state, block string, err error) error {
	switch {
	case err == nil:
		return nil
	case state != "":
		return fmt.Errorf("state %s: %s: %w", state, block, err)
	}
	return fmt.Errorf("%s: %w", block, err)
}

// act does what is to be done: what it sends, it sends from the state that it goes to.
func (h *happening) act(block string, a *ProcessAction) error {
	from := stateOf(h.process)
	h.process.Version++
	h.note("events")
	err := h.learn(a)
	if err == nil && a.Goto != "" {
		h.enter(a.Goto)
	}
	if err == nil {
		err = h.sendAll(a.Send, a.Request)
	}
	if err == nil && a.Undo != nil {
		err = h.remember(a.Undo)
	}
	switch {
	case err != nil:
	case a.UndoTo != "":
		err = h.undoTo(a.UndoTo)
	case a.Goto != "":
		err = h.arrive()
	}
	return located(from, block, err)
}

// learn sets and removes what the process knows.
func (h *happening) learn(a *ProcessAction) error {
	if len(a.Set) == 0 && len(a.Remove) == 0 {
		h.view = nil
		return nil
	}
	learnt := knowledge{}
	for _, name := range slices.Sorted(maps.Keys(a.Set)) {
		v, err := h.compute(a.Set[name].Of)
		if err == nil {
			learnt[name], err = factOf(v)
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	if h.process.Data == nil {
		h.process.Data = knowledge{}
	}
	maps.Copy(h.process.Data, learnt)
	for _, name := range a.Remove {
		delete(h.process.Data, name)
	}
	size := 0
	for name, value := range h.process.Data {
		size += len(name) + len(value) + len(`"":,`)
	}
	if size > mostData {
		return eip.Invalid(fmt.Errorf("set: the process would know %d bytes, more than %d", size, mostData))
	}
	h.view = nil
	return nil
}

// factOf is a value as a process knows it: JSON.
func factOf(v any) ([]byte, error) {
	list, _, err := content.Encode([]any{v}) // which leaves text alone as it is
	if err != nil {
		return nil, eip.Invalid(err)
	}
	return bytes.TrimSpace(list[1 : len(list)-1]), nil
}

// enter goes to a state. What it left there is void: its times, and the requests that have
// had no reply.
func (h *happening) enter(state string) {
	p := h.process
	if p.State == state {
		p.Tries++
	} else {
		p.State, p.Tries = state, 1
	}
	p.Entered, p.Fired, p.Asked, h.view = h.at.UnixNano(), 0, nil, nil
}

// arrive ends the process where it has come to an end.
func (h *happening) arrive() error {
	final := h.of.plan.finals[h.process.State]
	if final == nil {
		return nil
	}
	if err := h.sendAll(final.Send, nil); err != nil {
		return fmt.Errorf("final %s: %w", final.Label, err)
	}
	h.note(finished + final.Label)
	h.end()
	return nil
}

// end ends the process in its state.
func (h *happening) end() {
	h.ended = append([]byte(numberOf(h.process.Number)), h.process.State...)
	h.process, h.view = nil, nil
}

// sendAll has messages and requests be sent.
func (h *happening) sendAll(sends []*ProcessSend, requests []*ProcessRequest) error {
	for _, s := range sends {
		m, err := h.make(s.Body, s.Headers)
		if err != nil {
			return fmt.Errorf("send to %s: %w", s.To[0].Name, err)
		}
		for _, to := range s.To {
			h.send(to.Name, m)
		}
	}
	for _, r := range requests {
		m, err := h.make(r.Body, r.Headers)
		if err != nil {
			return fmt.Errorf("request %s: %w", r.Label, err)
		}
		h.ask(r.To[0].Name, r.Label, r.Timeout, m)
	}
	return nil
}

func (h *happening) send(to string, m *eip.Message) {
	h.out = append(h.out, outgoing{message: m.WithHeader(header.To, to)})
}

// ask sends a request, to which a reply is waited for.
func (h *happening) ask(to, name string, timeout time.Duration, m *eip.Message) {
	a := asked{Number: h.tx.Next(), Name: name}
	if timeout > 0 && h.of.timesOut(h.process.State, name) {
		a.Until = instant.Nanoseconds(h.at.Add(timeout))
	}
	h.process.Asked = append(h.process.Asked, a)
	h.send(to, m.With(func(m *eip.Message) {
		m.CorrelationID, m.ReplyTo = h.of.seal.id(h.hash, a.Number), h.of.inbox.Address()
	}))
}

// make makes a message. Of what has come it keeps all where it is sent as it is, else what
// concerns all that belongs together.
func (h *happening) make(body OfProcess, headers map[string]OfProcess) (*eip.Message, error) {
	m, err := h.seen()
	if err != nil {
		return nil, err
	}
	m = m.With(func(m *eip.Message) {
		m.ID = ""
		if h.isReply {
			m.CorrelationID = ""
		}
		if body.Of != nil || h.isReply {
			m.ReplyTo = ""
		}
		if body.Of != nil {
			m.Type, m.UserID, m.AppID, m.Timestamp, m.Expiration, m.Sequence = "", "", "", time.Time{}, 0, eip.Sequence{}
		}
	})
	if h.isReply { // what is made of an error reply is none
		m = m.Without(header.ErrorCode, header.Error)
	}
	if m.Headers[header.Test] != nil || h.process.Test != "" {
		m = m.Without(header.Test)
		if h.process.Test != "" {
			m = m.WithHeader(header.Test, h.process.Test)
		}
	}
	if body.Of != nil {
		v, err := h.compute(body.Of)
		if err == nil {
			m, err = m.WithValue(v, "")
		}
		if err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
	}
	set := eip.Headers{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		v, err := h.compute(headers[name].Of)
		if err == nil {
			v, err = headervalue.Of(v)
		}
		if err != nil {
			return nil, fmt.Errorf("headers.%s: %w", name, err)
		}
		if v == nil {
			m = m.Without(name)
		} else {
			set[name] = v
		}
	}
	if len(set) > 0 {
		m = m.WithHeaders(set)
	}
	return m, nil
}
