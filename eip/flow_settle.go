package eip

import (
	"errors"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip/stats"
)

var errStopped = errors.New("the flow stopped before the message was settled")

// settled decides what becomes of a message that nobody holds any more. It does
// not block, as whoever released last calls it.
func (x *run) settled(r *receipt) {
	if r.err == nil {
		x.finish(r)
		return
	}
	if x.late(r) {
		r.err = x.tooLate(r)
	}
	if x.Discreet != nil {
		r.err = x.Discreet(r.message, r.err)
	}
	if r.attempts++; r.attempts == 1 {
		r.mu.Lock() // a stage that let go of it late may be about to note that it failed there
		r.needState().firstFailed = x.Env.Clock.Now()
		r.mu.Unlock()
	}
	switch {
	case x.work.Err() != nil, x.ctx.Err() != nil && errors.Is(r.err, ErrNotRunning):
		x.giveUpOn(r)
	case r.revoked():
		x.fail(r, returned, r.err)
	case !IsPermanent(r.err) && int(r.attempts) < x.most(r.err):
		x.Env.Log.Warn("message failed, will be tried again", x.about(r)...)
		go x.retry(r)
	default:
		x.abandon(r)
	}
}

// abandon has the worker do with a message what is done with one that failed for good.
func (x *run) abandon(r *receipt) {
	select {
	case x.giveUp <- r:
	default: // what stages make comes beside the window
		go x.giveUpLater(r)
	}
	if x.work.Err() != nil { // the worker may be gone
		x.giveBack()
	}
}

// giveUpLater waits until the dead-letter worker has room.
func (x *run) giveUpLater(r *receipt) {
	select {
	case x.giveUp <- r:
		if x.work.Err() != nil {
			x.giveBack()
		}
	case <-x.work.Done():
		x.giveUpOn(r)
	}
}

// retry keeps the message aside, not the lane, and tries it again after a while.
func (x *run) retry(r *receipt) {
	wait := x.backoff(int(r.attempts))
	var away unavailable
	if errors.As(r.err, &away) {
		wait = max(wait, min(away.after, x.Retry.MaxDelay))
	}
	due, t := x.Env.Clock.NewTimer(wait)
	defer t.Stop()
	select {
	case <-due:
	case <-x.workOn(r).Done():
		if !x.late(r) {
			x.giveUpOn(r)
			return
		}
		r.err = x.tooLate(r)
		x.abandon(r)
		return
	}
	m := r.message
	if r.revoked() {
		x.fail(r, returned, r.err)
		return
	}
	x.tallies.of(r).retried.Add(1)
	size := m.Size() // what was made of it is gone
	x.inFlight.Add(size - r.size)
	r.size = size
	if t := m.trace; t != nil && t.span != nil {
		t.span.Retry(int(r.attempts), r.err)
	}
	r.tryAgain()
	if r.lane == nil { // it never reached one: OrderBy failed
		l, err := x.laneOf(m)
		if err != nil {
			m.receipt.release(err)
			return
		}
		r.lane = l
	}
	r.lane.mu.Lock()
	defer r.lane.mu.Unlock()
	Deliver(x.workOn(r), x.headOf(r), m)
}

// most is how often a message is tried that fails with err.
func (x *run) most(err error) int {
	var away unavailable
	switch {
	case x.Retry.Attempts > 0:
		return x.Retry.Attempts
	case errors.As(err, &away):
		return 10
	}
	return 3
}

// backoff doubles Delay with each attempt up to MaxDelay, and takes off up to
// half of it at random, so that many failures do not come back as one wave.
func (x *run) backoff(attempt int) time.Duration {
	d := x.Retry.Delay
	for range attempt - 1 {
		if d *= 2; d >= x.Retry.MaxDelay || d <= 0 {
			d = x.Retry.MaxDelay
			break
		}
	}
	d = min(d, x.Retry.MaxDelay)
	return d - time.Duration(x.Env.Clock.Random(int64(d)/2+1))
}

func (x *run) stageOf(err error) string { return orElse(addressOf(err), x.Name) }

func (x *run) about(r *receipt) []any {
	about := []any{slog.String("stage", x.stageOf(r.err)), slog.String("error", r.err.Error()),
		slog.String("message_id", r.message.ID), slog.Int("attempt", int(r.attempts)), slog.Int("of", x.most(r.err))}
	var p *panicked
	if errors.As(r.err, &p) {
		about = append(about, slog.String("stack", string(p.stack)))
	}
	return about
}

// finish ends a message that has not failed.
func (x *run) finish(r *receipt) {
	if r.state != nil {
		r.conclude(returned) // of no stage: it failed at none at last
	}
	x.tell(r, nil)
	how := x.tallies.of(r).outcome(r)
	x.trace(r, how)
	x.leaveWindow(r)
}

// expire ends a message that has expired before it was begun. Its source is told err.
func (x *run) expire(r *receipt, err error) {
	x.tell(r, err)
	r.ends.Or(isDropped)
	t := x.tallies.of(r)
	t.expired.Add(1)
	x.trace(r, t.outcome(r))
	x.leaveWindow(r)
}

// fail ends a message that has failed, and is elsewhere now or left to its source.
func (x *run) fail(r *receipt, how failure, err error) {
	r.conclude(how)
	if e := r.state; e != nil && e.failed != nil {
		e.failed(r.err)
	}
	x.tell(r, err)
	x.tallies.of(r).failed[how].Add(1)
	x.trace(r, [...]stats.Outcome{stats.DeadLettered, stats.Invalid, stats.Returned, stats.Answered, stats.Unanswered}[how])
	x.leaveWindow(r)
}

// giveUpOn leaves to its source what the flow has no time for.
func (x *run) giveUpOn(r *receipt) { x.fail(r, returned, errors.Join(errStopped, r.err)) }

func (x *run) tell(r *receipt, err error) {
	if r.settler != nil {
		r.settler.Settle(err)
	}
	e := r.state
	if e == nil {
		return
	}
	if e.onSettled != nil {
		e.onSettled()
	}
	e.tellEnded(r.err, err)
	if e.measured && !r.test {
		x.tallies.latency.Record(now() - e.received)
	}
}

func (x *run) trace(r *receipt, how stats.Outcome) {
	if t := r.message.trace; t != nil && t.span != nil {
		t.span.Settled(how, r.err)
	}
	if r.test && x.Traced != nil {
		x.Traced(r.message, how, r.err)
	}
}

// leaveWindow lets the receiver take the next message.
func (x *run) leaveWindow(r *receipt) {
	x.inFlight.Add(-oneMessage - r.size)
	if e := r.state; e != nil && e.stop != nil {
		e.stop()
	}
	x.moveUp()
}

// moveUp has the receiver look again whether the window has room.
func (x *run) moveUp() {
	if x.waiting.Load() {
		select {
		case x.free <- struct{}{}:
		default:
		}
	}
}
