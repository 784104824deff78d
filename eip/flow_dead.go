package eip

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/internal/visible"
)

// deadLetters takes failed messages one after the other, so that they reach their
// channel in order. It ends when the work does.
func (x *run) deadLetters() {
	for {
		select {
		case r := <-x.giveUp:
			x.deadLetter(deadLetter{receipt: r})
		case <-x.work.Done():
			x.giveBack()
			return
		}
	}
}

// giveBack leaves to the source what has not become a dead letter.
func (x *run) giveBack() {
	for {
		select {
		case r := <-x.giveUp:
			x.giveUpOn(r)
		default:
			return
		}
	}
}

// A deadLetter is a failed message on its way to where it belongs.
type deadLetter struct {
	*receipt
	attempt int    // since it was last changed
	refused error  // why it goes stripped
	kept    string // where the whole message is, which then goes without its body
	// answered: its caller has an error reply, or cannot be given one.
	answered bool
}

// deadLetter sends a failed message to where it belongs. Until that channel has
// confirmed, the message stays unsettled: it is tried until it succeeds or the flow
// stops. What the channel refuses for good goes stripped, and what it refuses even so
// is kept by the last resort, and goes without its body.
func (x *run) deadLetter(d deadLetter) {
	r := d.receipt
	if r.revoked() {
		x.endDeadLetter(d, returned, r.err)
		return
	}
	to, how, reason := x.whereTo(r)
	if x.ErrorReply != nil && !d.answered {
		x.answer(d)
		return
	}
	undo, what := x.undoer(r)
	if to == nil && undo == nil {
		x.Env.Log.Error("message failed and goes back to its source", x.about(r)...)
		x.endDeadLetter(d, returned, r.err)
		return
	}
	if d.attempt++; d.attempt == 1 && d.refused == nil {
		x.Env.Log.Error("message failed for good", append(x.about(r), slog.String("reason", reason))...)
	}
	if to == nil {
		x.undo(deadLetter{receipt: r}, how, undo)
		return
	}
	m, why := r.message, x.why(r, reason)
	if undo != nil {
		why[header.Undo] = what
	}
	x.lastFailure.Store(&why)
	if d.refused != nil {
		m = stripped(m, d.refused, d.kept)
	}
	m = saying(m, why)
	m.Expiration, m.Delivery = 0, Unsaid // these were for the channel it came through
	Deliver(x.work, to, m.Fork(func(err error) {
		switch {
		case (err == nil || d.kept != "" && IsPermanent(err)) && undo != nil:
			go x.undo(deadLetter{receipt: r}, how, undo)
			return
		case err == nil, d.kept != "" && IsPermanent(err):
			x.endDeadLetter(d, how, nil)
			return
		case r.revoked():
			x.endDeadLetter(d, returned, r.err)
			return
		case x.Discreet != nil:
			err = x.Discreet(m, err)
		}
		go x.deadLetterAgain(d, why, err)
	}))
}

// whereTo says where a failed message belongs, and why; nowhere: nil.
func (x *run) whereTo(r *receipt) (to Handler, how failure, reason string) {
	if IsInvalid(r.err) {
		return x.Invalid, invalidated, "invalid"
	}
	return x.DeadLetter, deadLettered, "failed"
}

// deadLetterAgain is about a dead letter that its channel did not take.
func (x *run) deadLetterAgain(d deadLetter, why Headers, err error) {
	halt := false
	if IsPermanent(err) {
		next := deadLetter{receipt: d.receipt, refused: err, answered: d.answered}
		lost := error(nil)
		if d.refused != nil {
			next.kept, lost = x.keep(saying(d.message, why))
		}
		if lost == nil {
			x.Env.Log.Error("cannot dead-letter, goes stripped", append(x.about(d.receipt), slog.Any("cause", err), slog.String("kept", next.kept))...)
			x.deadLetter(next)
			return
		}
		halt, err = true, fmt.Errorf("%w; %w", err, lost)
	}
	x.Env.Log.Error("cannot dead-letter, will try again", append(x.about(d.receipt), slog.Any("cause", err), slog.Bool("halted", halt))...)
	x.deadLetterLater(d, err, halt, func() { x.deadLetter(d) })
}

// deadLetterLater waits a while, and tries again.
func (x *run) deadLetterLater(d deadLetter, err error, halt bool, again func()) {
	x.pendingDeadLetters.add(d.receipt, err, halt)
	due, t := x.Env.Clock.NewTimer(x.backoff(d.attempt))
	defer t.Stop()
	select {
	case <-due:
		again()
	case <-x.work.Done():
		x.pendingDeadLetters.remove(d.receipt)
		x.giveUpOn(d.receipt)
	}
}

// keep has the last resort keep a message.
func (x *run) keep(m *Message) (where string, err error) {
	if x.Env.LastResort == nil {
		return "", errors.New("there is no other place for it")
	}
	if where, err = x.Env.LastResort(m); err != nil {
		err = fmt.Errorf("it cannot be kept: %w", err)
	}
	return where, err
}

func (x *run) endDeadLetter(d deadLetter, how failure, err error) {
	x.pendingDeadLetters.remove(d.receipt)
	if err != nil {
		x.fail(d.receipt, how, err)
		return
	}
	x.failDone(d.receipt, how)
}

// failDone ends a message that has failed and is elsewhere now: what it came with is done.
func (x *run) failDone(r *receipt, how failure) {
	if r.state == nil || len(r.state.came) == 0 {
		x.fail(r, how, nil)
		return
	}
	r.state.steps = nil
	r.commit(func(err error) { x.fail(r, how, err) })
}

// pendingDeadLetters are the dead letters that their channel did not take when it was last
// asked.
type pendingDeadLetters struct {
	mu  sync.Mutex
	all map[*receipt]error
	// halting are those that it refuses for good and nobody else keeps: while there
	// are any the flow takes nothing more, so that no more of what is behind them is
	// settled and, after a restart, comes again.
	halting map[*receipt]error
	halted  atomic.Bool
}

func (p *pendingDeadLetters) add(r *receipt, err error, halts bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all, p.halting = map[*receipt]error{}, map[*receipt]error{}
	}
	p.all[r] = err
	if halts {
		p.halting[r] = err
		p.halted.Store(true)
	}
}

func (p *pendingDeadLetters) remove(r *receipt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, r)
	delete(p.halting, r)
	p.halted.Store(len(p.halting) > 0)
}

// DeadLetterTrouble says why dead letters of the flow wait, and whether it takes nothing more
// until they are taken; nil where none waits.
func (f *Flow) DeadLetterTrouble() (why error, halted bool) {
	p := &f.pendingDeadLetters
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, all := range []map[*receipt]error{p.halting, p.all} {
		for _, err := range all {
			return err, len(p.halting) > 0
		}
	}
	return nil, false
}

// LastFailure returns the headers that the last message got which failed for good, "eip-error"
// and "eip-failed" among them; nil: none has. It is safe for concurrent use.
func (f *Flow) LastFailure() Headers {
	if why := f.lastFailure.Load(); why != nil {
		return *why
	}
	return nil
}

// why is what a dead letter says of itself.
func (x *run) why(r *receipt, reason string) Headers {
	const at = time.RFC3339Nano
	h := Headers{
		header.Reason: reason, header.Error: visible.Short(r.err.Error(), maxError), header.Flow: x.Name, header.Stage: x.stageOf(r.err),
		header.Channel: r.message.Channel, header.Attempts: int(r.attempts),
		header.FirstFailed: r.state.firstFailed.UTC().Format(at), header.Failed: x.Env.Clock.Now().UTC().Format(at),
	}
	if r.state.after != "" {
		h[header.After] = r.state.after
	}
	return h
}

// saying is m with the headers of why. Which stage made it and what is undone, nobody else
// can say; and where its slip goes back, m does not go on with it.
func saying(m *Message, why Headers) *Message {
	m = m.Without(header.After, header.Undo)
	if why[header.Undo] != nil {
		m = m.Without(header.Slip)
	}
	return m.WithHeaders(why)
}

// What a dead letter's own headers hold at most: no channel refuses so little.
const (
	maxError = 4 << 10
	maxField = 255
)

// stripped is m with its body, or where it is kept, and no more than any channel takes.
func stripped(m *Message, refused error, kept string) *Message {
	set := Headers{header.Stripped: visible.Short(refused.Error(), maxError)}
	if kept != "" {
		set[header.Kept] = kept
		m = m.WithBody(nil)
	}
	return m.With(func(m *Message) {
		m.Headers = set
		for _, text := range []*string{&m.ID, &m.CorrelationID, &m.ReplyTo, &m.Type, &m.ContentType, &m.Encoding, &m.Key, &m.UserID, &m.AppID} {
			if len(*text) > maxField {
				*text = ""
			}
		}
	})
}
