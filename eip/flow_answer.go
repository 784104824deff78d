package eip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/eipd/eipd/eip/header"
)

// workOn is the context in which a message is worked on.
func (x *run) workOn(r *receipt) context.Context {
	if e := r.state; e != nil && e.work != nil {
		return e.work
	}
	return x.work
}

// late reports whether the flow's Timeout is over for a message.
func (x *run) late(r *receipt) bool {
	return x.Timeout > 0 && x.workOn(r).Err() != nil && x.work.Err() == nil
}

// tooLate is the error of a message that is late.
func (x *run) tooLate(r *receipt) error {
	if r.err == ErrExpired { // it was not begun
		return Permanent(ErrExpired)
	}
	return Permanent(fmt.Errorf("%w: it took longer than %v: %w", ErrExpired, x.Timeout, r.err))
}

var errAnswered = errors.New("it had another reply before it failed")

// answer tells who sent a message that it failed, before the message goes anywhere else.
func (x *run) answer(d deadLetter) {
	m := d.message
	switch {
	case m.answered == nil:
		x.answered(d, ErrNoReturnAddress)
		return
	case m.answered.Load():
		x.answered(d, errAnswered)
		return
	}
	reply := x.ErrorReply(d.err).With(func(reply *Message) { reply.ID, reply.Timestamp = NewID(), x.Env.Clock.Now() })
	if text, ok := reply.Headers[header.Error].(string); ok && x.Discreet != nil {
		reply = reply.WithHeader(header.Error, x.Discreet(m, errors.New(text)).Error())
	}
	Deliver(x.work, HandlerFunc(func(ctx context.Context, m *Message) error { return m.Reply(ctx, reply) }),
		m.Fork(func(err error) { x.answered(d, err) }))
}

// answered is about a message whose error reply has gone, or cannot go: that is tried
// once, as callers who take no replies must not hold up others.
func (x *run) answered(d deadLetter, err error) {
	r := d.receipt
	to, _, reason := x.whereTo(r)
	undo, _ := x.undoer(r)
	d.answered = true
	switch about := append(x.about(r), slog.String("reason", reason)); {
	case err != nil && r.revoked():
		x.endDeadLetter(d, returned, r.err)
		return
	case err != nil && x.work.Err() != nil:
		x.giveUpOn(r)
		return
	case r.state.unbegun:
		x.expire(r, nil)
		return
	case to != nil: // it says so there
	case err == nil && (IsInvalid(r.err) || errors.Is(r.err, ErrExpired)): // as many as callers like
		x.refused.Warn(x.Env.Log, "request refused, and its caller is told so", about...)
	case err == nil:
		x.Env.Log.Warn("request failed, and its caller is told so", about...)
	case undo == nil:
		x.unheard.Warn(x.Env.Log, "request failed, and its caller cannot be told", append(about, slog.Any("cause", err))...)
	}
	switch {
	case to != nil, undo != nil:
		go x.deadLetter(d)
	case err == nil:
		x.failDone(r, answered)
	default:
		x.failDone(r, unanswered)
	}
}

// sendReply sends a reply to m, and notes that it has got there where somebody asks.
func (m *Message) sendReply(ctx context.Context, reply *Message) (err error) {
	to, place := returnAddress{m}, Place{Kind: "reply", Name: m.ReplyTo}
	if m.answered == nil {
		return Send(ctx, to, reply, place)
	}
	release, sent := m.Hold(), atomic.Bool{}
	fork := reply.Fork(func(err error) {
		if err == nil && sent.Load() {
			m.answered.Store(true)
		}
		release(err)
	})
	defer fork.receipt.release(nil)
	err = Send(ctx, to, fork, place)
	sent.Store(err == nil)
	return err
}
