package routing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

func init() { eip.Stages.Add("next_step", func() eip.Stage { return NewNextStep() }) }

// NextStep ends the flow of a step of a Routing Slip: it notes in the slip that the step is
// done, and sends the message on to the next. A slip that goes back, because a step has
// failed, it sends to the step before that can be undone.
//
// It also sees to it that the steps before are undone, when a message fails for good in its
// flow.
type NextStep struct {
	// Result computes what undoes the step: it is the body of the message to the step's
	// channel in undo of routing_slip. It travels in the slip, so it is to be small, as an
	// identifier is. Without it, that body is null. A step that has no undo does not
	// compute it.
	Result eip.Value `flow:"result"`
	// Allow lists the channels and adapters that slips may lead to from here, those that undo
	// earlier steps as well.
	Allow []eip.Target `flow:"allow,required"`
	// Slips are signed with it, as by their routing_slip.
	Secret string `flow:"secret,required"`
	// Otherwise takes the messages whose last step this was, without their slip. Without it,
	// they end here.
	Otherwise eip.Pipe `flow:"otherwise,body,ends"`

	log                               *slog.Logger
	forwarded, finished, turned, back atomic.Int64
}

// NewNextStep returns a NextStep, which needs Allow and Secret.
func NewNextStep() *NextStep { return &NextStep{} }

// Validate checks the options.
func (n *NextStep) Validate() error {
	if err := checkSecret(n.Secret); err != nil {
		return err
	}
	return checkAllowed(n.Allow)
}

// Pattern names what the stage is.
func (*NextStep) Pattern() string { return "Routing Slip" }

// Open notes where to log.
func (n *NextStep) Open(_ context.Context, env *eip.Env) error {
	n.log = env.Log.With("stage", env.Address)
	return nil
}

// past is an error of a message whose step is done.
type past struct{ error }

func (e past) Unwrap() error { return e.error }

// Process sends m to where its slip leads.
func (n *NextStep) Process(ctx context.Context, m *eip.Message, _ eip.Handler) error {
	m.Forgive(func(err error) error { return past{err} })
	s, err := slipOf(m, n.Secret)
	if err != nil {
		return eip.Invalid(err)
	}
	if s.Back {
		return n.goBack(ctx, m, s)
	}
	done := s.Left[0]
	if n.Result != nil && done.Undo != "" {
		if done.Result, err = n.result(ctx, m); err != nil {
			return fmt.Errorf("result: %w", err)
		}
	}
	if s.Left, s.Done = s.Left[1:], append(s.Done, done); len(s.Left) == 0 {
		return n.finish(ctx, m, s)
	}
	return n.send(ctx, m, s, &n.forwarded)
}

func (n *NextStep) result(ctx context.Context, m *eip.Message) (json.RawMessage, error) {
	v, err := n.Result(ctx, m)
	if err != nil {
		return nil, err
	}
	text, err := content.EncodeJSON(v)
	return text, eip.Invalid(err)
}

// finish is about a message whose last step is done.
func (n *NextStep) finish(ctx context.Context, m *eip.Message, s slip) error {
	m.CountAt(n, &n.finished)
	if empty(&n.Otherwise) {
		m.Drop()
		return nil
	}
	m = m.Without(header.Slip).With(func(q *eip.Message) { q.ID = s.ID })
	return n.Otherwise.Process(ctx, m, nil)
}

// goBack is about a message whose last step in the slip is undone now.
func (n *NextStep) goBack(ctx context.Context, m *eip.Message, s slip) error {
	s.Done = s.Done[:len(s.Done)-1]
	if !s.turn() {
		m.CountAt(n, &n.back)
		m.Drop()
		return nil
	}
	return n.send(ctx, s.undoing(m), s, &n.back)
}

func (n *NextStep) send(ctx context.Context, m *eip.Message, s slip, counted *atomic.Int64) error {
	q, to, err := s.send(m, n.Secret, n.Allow)
	if err != nil {
		return eip.Invalid(err)
	}
	m.CountAt(n, counted)
	if err := to.Handle(ctx, q); err != nil {
		return err
	}
	m.Sent(1)
	return nil
}

// Undo returns who sends the slip of m back, which has failed with err before its step was
// done, and the channels that it will come to; nil: nothing was done that can be undone, or
// the message failed when its step was done already.
func (n *NextStep) Undo(m *eip.Message, err error) (to eip.Handler, what string) {
	s, unread := slipOf(m, n.Secret)
	if unread != nil || s.Back || errors.As(err, new(past)) || !s.turn() {
		return nil, ""
	}
	if _, err := indexOf(s.Done[len(s.Done)-1].Undo, n.Allow); err != nil {
		n.log.Error("what was done before a message failed cannot be undone", slog.String("message_id", m.ID), slog.Any("error", err))
		return nil, ""
	}
	back := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		q, to, err := s.send(s.undoing(m), n.Secret, n.Allow)
		if err != nil {
			return eip.Permanent(err)
		}
		if err := to.Handle(ctx, q); err != nil {
			return err
		}
		if !m.IsTest() {
			n.turned.Add(1)
		}
		return nil
	})
	return back, s.undos()
}

// Steps returns where slips lead. No message goes there more often than its slip says.
func (n *NextStep) Steps() []eip.Target { return n.Allow }

// Nested returns the body of messages whose last step this was.
func (n *NextStep) Nested() []*eip.Pipe { return written(&n.Otherwise) }

// Ends is true: messages leave to the next step, or end.
func (*NextStep) Ends() (last, passes bool) { return true, false }

// Stats returns what became of slips: forwarded to a next step, finished here, turned back
// as the step failed, and back here when what came before was undone.
func (n *NextStep) Stats() stats.Own {
	return stats.Own{Counts: map[string]int64{"forwarded": n.forwarded.Load(), "finished": n.finished.Load(), "turned": n.turned.Load(), "undone": n.back.Load()}}
}
