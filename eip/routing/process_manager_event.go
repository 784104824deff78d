package routing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/replies"
	"github.com/eipd/eipd/eip/internal/wire"
	"github.com/eipd/eipd/eip/store"
)

// event is a message on its way to its process.
type event struct {
	of        *ProcessManager
	message   *eip.Message
	key, test string
	hash      string
	identity  string // see identityOf; "" where it has none
	reply     uint64 // the number of the request that it answers; 0: it is no reply
	at        time.Time
	noted     noticed
}

// Process gives m to its process once it would settle.
func (p *ProcessManager) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	if err := p.Trouble(); err != nil {
		return err
	}
	key, err := textOf(ctx, p.Key, m)
	switch {
	case err != nil:
		return fmt.Errorf("key: %w", err)
	case key == "":
		return eip.Invalid(errors.New("its key is empty"))
	case len(key) > mostShown:
		return eip.Invalid(fmt.Errorf("its key has %d bytes, more than %d", len(key), mostShown))
	}
	e := &event{of: p, message: m, key: key, identity: identityOf(m.ID), at: p.env.Clock.Now()}
	if m.IsTest() {
		e.test, _ = m.Headers[header.Test].(string)
	}
	e.hash = hash(e.test, key)
	m.Absorb()
	p.outbox.Keep(ctx, m, e.join)
	return nil
}

// join is the step of an event: its process takes it, or it is not expected.
func (e *event) join(tx store.Tx) error {
	p := e.of
	p.begin(&e.noted, !e.message.CountsAt(p))
	if e.identity != "" {
		if _, until := tx.Get(seenKey + e.hash + e.identity); until.After(e.at) {
			p.note(&e.noted, "duplicates")
			return tx.Err()
		}
	}
	s, err := p.open(tx, e.hash, e.at, &e.noted)
	if err != nil {
		return err
	}
	s.key, s.test = e.key, e.test
	taken, err := s.take(e.message, func(h *happening) (bool, error) {
		if e.reply != 0 {
			h.isReply = true
			return h.reply(e.reply)
		}
		return h.event()
	})
	switch {
	case err != nil:
		return err
	case taken:
		err = s.again()
	default:
		err = e.unexpected(s)
	}
	if err != nil {
		return err
	}
	switch {
	case e.identity == "":
		p.note(&e.noted, "unidentified")
	case p.Remember > 0:
		tx.Put(seenKey+e.hash+e.identity, []byte{1}, e.at.Add(p.Remember))
	}
	return s.close()
}

// unexpected is about what nobody takes.
func (e *event) unexpected(s *step) error {
	p := e.of
	p.note(&e.noted, "unexpected")
	how := p.Unexpected.Load()
	switch {
	case how == "ignore":
		return nil
	case how == "wait" && e.reply == 0: // a reply that is late will never be taken
		return e.wait(s)
	}
	why := s.refusal(e.reply)
	if refusal := refusalIn(e.message); e.reply != 0 && refusal != nil {
		why = fmt.Errorf("%w; %w", why, refusal)
	}
	return eip.Permanent(why)
}

// refusal says why nobody takes a message, or the reply to a request.
func (s *step) refusal(reply uint64) error {
	what := "the message"
	if reply != 0 {
		what = "the reply"
	}
	if p := s.process; p != nil {
		why := "which does not take it"
		if reply != 0 && !slices.ContainsFunc(p.Asked, func(a asked) bool { return a.Number == reply }) {
			why = "and waits for it no more"
		}
		return fmt.Errorf("%s is not expected: the process %q is in the state %q, %s", what, p.Key, p.State, why)
	}
	if ended, _ := s.tx.Get(closedKey + s.hash); len(ended) > 8 {
		return fmt.Errorf("%s is not expected: its process has ended in the state %q", what, ended[8:])
	}
	return fmt.Errorf("%s is not expected: there is no process of its key, and it begins none", what)
}

// wait keeps a message until its process takes it.
func (e *event) wait(s *step) error {
	// By an eip-to a replay would bring it to where its sender says that it was to go.
	value, err := wire.Encode(nil, e.message.Without(header.To), 0)
	if err != nil {
		return err
	}
	n, bytes := 1, len(value)
	for _, other := range s.tx.Range(waitKey+s.hash, "") {
		n, bytes = n+1, bytes+len(other)
	}
	if n > mostWaits || bytes > mostWaitBytes || amountOf(s.tx, allWaiting) >= e.of.MaxProcesses.Load() {
		return eip.Permanent(fmt.Errorf("%w; and as many wait as may", s.refusal(0)))
	}
	s.tx.Put(waitKey+s.hash+numberOf(s.tx.Next()), value, e.at.Add(e.of.Patience.Load()))
	s.amount(allWaiting, 1)
	return s.tx.Err()
}

// event has the process take the message.
func (h *happening) event() (taken bool, err error) {
	if h.process == nil {
		return h.begin()
	}
	state := h.of.plan.states[h.process.State]
	if state == nil { // it takes back what it did, or the flow has the state no more
		return false, nil
	}
	for _, on := range state.On {
		yes, err := h.holds(on.If)
		if err == nil && yes {
			return true, h.act("on "+on.Label, &on.ProcessAction)
		}
		if err != nil {
			return false, located(stateOf(h.process), "on "+on.Label, err)
		}
	}
	return h.otherwise(state)
}

func (h *happening) otherwise(state *plannedState) (taken bool, err error) {
	if state.Otherwise == nil {
		return false, nil
	}
	return true, h.act("otherwise", state.Otherwise)
}

// begin has the message begin a process.
func (h *happening) begin() (taken bool, err error) {
	for _, on := range h.of.On {
		yes, err := h.holds(on.If)
		if err != nil {
			return false, located(stateOf(h.process), "on "+on.Label, err)
		}
		if !yes {
			continue
		}
		if _, until := h.tx.Get(closedKey + h.hash); until.After(h.at) {
			h.note("late")
			return true, nil
		}
		if _, all := amounts(h.tx); all >= int64(h.of.MaxProcesses.Load()) {
			return false, eip.Unavailable(fmt.Errorf("there are %d processes, and there may be no more", all), 0)
		}
		h.process = &process{Number: h.tx.Next(), Key: h.key, Test: h.test, Began: h.at.UnixNano()}
		h.note("started")
		return true, h.act("on "+on.Label, &on.ProcessAction)
	}
	return false, nil
}

// reply has the process take the reply to a request.
func (h *happening) reply(number uint64) (taken bool, err error) {
	a := h.answered(number)
	if a == nil {
		return false, nil
	}
	refusal := refusalIn(h.message)
	if h.process.State == undoing {
		return true, h.undone(refusal)
	}
	state := h.of.plan.states[h.process.State]
	if state == nil {
		return false, nil
	}
	kind, all := "on_reply ", state.OnReply
	if refusal != nil {
		kind, all = "on_error ", state.OnError
	}
	for _, on := range all {
		if on.Label != a.Name {
			continue
		}
		yes, err := h.holds(on.If)
		if err != nil {
			return false, located(h.process.State, kind+on.Label, err)
		}
		if yes {
			return true, h.act(kind+on.Label, &on.ProcessAction)
		}
	}
	return h.otherwise(state)
}

// answered takes a request off those without a reply; nil: it is none of them.
func (h *happening) answered(number uint64) *asked {
	if h.process == nil {
		return nil
	}
	for i, a := range h.process.Asked {
		if a.Number == number {
			h.process.Asked = append(h.process.Asked[:i:i], h.process.Asked[i+1:]...)
			return &a
		}
	}
	return nil
}

// refusalIn is the error that a reply is; nil where it is another reply.
func refusalIn(reply *eip.Message) error {
	code, why, failed := replies.Failure(reply)
	if !failed {
		return nil
	}
	return fmt.Errorf("the reply is the error %s: %s", code, cmp.Or(why, "it does not say why")) // which is lost where it was a dead letter
}
