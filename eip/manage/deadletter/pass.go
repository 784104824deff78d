package deadletter

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/settle"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/internal/visible"
)

// between does what is to be done between two letters: it waits as the plan says. done is
// that the step has ended, and nothing was begun of the next.
func (r *run) between() (done bool, err error) {
	r.mu.Lock()
	size, canary := r.Plan.size(r.Step - 1)
	over := canary && r.began >= size
	r.mu.Unlock()
	if over {
		r.settle(0)
		return true, r.nextStep()
	}
	r.settle(r.Plan.UnderWay - 1)
	if err := cmp.Or(r.of.ctx.Err(), r.ctx.Err()); err != nil { // that of the process ends first
		return false, err
	}
	if r.check(); r.ctx.Err() != nil {
		return false, r.ctx.Err()
	}
	return false, r.flow.Ready()
}

// nextStep soaks, where anything is left to do, and begins another step.
func (r *run) nextStep() error {
	if !r.left() {
		return nil
	}
	if r.ctx.Err() == nil {
		r.soak()
	}
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	r.mu.Lock()
	first := r.Step == 1
	r.Step++
	r.began, r.failed = 0, 0
	r.tell()
	kept := r.Job
	r.mu.Unlock()
	if err := r.of.ledger.save(kept); err != nil { // after a restart it would go on in an earlier one
		return err
	}
	if first && r.Plan.Ask {
		r.halt(Waiting, "for a person to let it go on after its first step")
		return r.ctx.Err()
	}
	return nil
}

// soak waits, and looks whether anything fails behind the flow.
func (r *run) soak() {
	clock := r.of.Clock
	for until := clock.Now().Add(r.Plan.Soak); r.ctx.Err() == nil && clock.Until(until) > 0; {
		r.check()
		_ = clock.Sleep(r.ctx, min(clock.Until(until), time.Second)) // the loop looks at ctx
	}
	r.check()
}

// A pace has things begin so often in a second at most.
type pace struct {
	clock eip.Clock
	rate  float64 // not more than 0: as they come
	next  time.Time
}

// late is how far behind its time what begins may be, and make good for it.
const late = 50 * time.Millisecond

// wait waits until the next may begin.
func (p *pace) wait(ctx context.Context) {
	if p.rate <= 0 {
		return
	}
	_ = p.clock.Sleep(ctx, p.clock.Until(p.next)) // its caller looks at ctx
	if earliest := p.clock.Now().Add(-late); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(time.Duration(float64(time.Second) / p.rate))
}

// watch notes how many messages have failed in the flows that are watched.
func (r *run) watch() {
	r.watched = map[string]int64{}
	r.check()
}

// check halts the run where more have.
func (r *run) check() {
	if len(r.Plan.Watch) == 0 {
		return
	}
	for _, name := range r.Plan.Watch {
		f, err := r.of.flow(name)
		if err != nil {
			continue // it was taken away
		}
		counts, _ := f.Counts()
		was, known := r.watched[name]
		switch {
		case !known, counts.Failed < was: // it began anew
			r.watched[name] = counts.Failed
		case counts.Failed > was:
			r.halt(Paused, fmt.Sprintf("%d messages have failed in the flow %s since the job began, which its letters may reach", counts.Failed-was, name))
		}
	}
}

// replayOne notes that a letter is begun, and gives it to the flow as it came there
// first. The letter settles when the flow has done with it, and that is noted.
func (r *run) replayOne(m *eip.Message, at int) error {
	if r.pace.wait(r.ctx); r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	r.mu.Lock()
	r.began++
	r.underWay++
	again := m.Revived()
	if at >= 0 {
		e := &r.all[at]
		if e.is == begun && !e.twice {
			e.twice = true
			list(&r.MaybeTwice, e.id, mostListed)
		}
		e.underWay = true
		r.set(at, begun)
		again = again.WithHeaders(eip.Headers{header.Replays: count(m.Headers[header.Replays]) + 1, header.ReplayedBy: r.of.Instance + "/" + r.ID})
	} else {
		r.Messages.Begun++
	}
	r.mu.Unlock()
	if at >= 0 {
		if err := r.of.ledger.commit(note(r.ID, at, r.all[at], Failure{})); err != nil {
			r.settled(at, pending)
			r.leave()
			return err
		}
	}
	return r.pass(m, again, at)
}

// An outcome is what became of a letter in its flow: it was given back, or it failed again,
// or else it passed.
type outcome struct{ returned, failure error }

func (o outcome) progress() progress {
	switch {
	case o.returned != nil:
		return pending
	case o.failure != nil:
		return failedAgain
	}
	return passed
}

// through passes a message through a flow in place of the letter m, which settles as the
// message does. keep is told how it went before m settles, and ended when it has.
func through(f Flow, m, as *eip.Message, keep func(outcome), ended func(outcome, settle.End)) (taken <-chan error) {
	var o outcome
	settle.Ended(m, func(end settle.End) { ended(o, end) })
	release := m.Hold()
	fork := as.Fork(func(err error) {
		o.returned = err
		keep(o)
		release(err)
	})
	m.Settle(nil)
	done := make(chan error, 1)
	go func() { done <- f.Replay(fork, func(err error) { o.failure = err }) }() // it may have to wait for another message
	return done
}

// pass gives the flow a letter.
func (r *run) pass(m, again *eip.Message, at int) error {
	taken := through(r.flow, m, again, func(o outcome) {
		is := o.progress()
		if is == pending || at < 0 {
			return
		}
		r.mu.Lock()
		e := r.all[at]
		r.mu.Unlock()
		e.is = is
		store.Keep(m, r.of.ledger.space, note(r.ID, at, e, failureOf(e.id, r.of.Read(m), o.failure)))
	}, func(o outcome, end settle.End) { r.ends(m, at, o, end) })
	select {
	case err := <-taken:
		return err
	case <-r.of.ctx.Done():
		return r.of.ctx.Err()
	}
}

// ends is told how a letter has settled, with what became of it in the flow. The run may
// be over as soon as the letter counts as under way no more, so that comes last.
func (r *run) ends(m *eip.Message, at int, o outcome, end settle.End) {
	defer r.leave()
	is := o.progress()
	if end != settle.Done && is != pending { // it is done, and nobody could write that down
		is = begun
	}
	r.settled(at, is)
	switch {
	case o.returned != nil:
		r.halt(Paused, "the flow gave a letter back: "+o.returned.Error())
	case is == begun:
		r.halt(Paused, "what became of a letter cannot be kept")
	case is == failedAgain:
		r.failsAgain(at, failureOf("", r.of.Read(m), o.failure))
	}
}

// failsAgain counts a failure, and halts the run where it is one too many.
func (r *run) failsAgain(at int, f Failure) {
	r.mu.Lock()
	r.failed++
	if at >= 0 {
		f.ID = r.all[at].id
		list(&r.Failures, f, mostFailures)
	}
	enough := r.failed > r.Plan.tolerates(r.Step-1, r.began)
	why := fmt.Sprintf("%d of %d letters of step %d failed again; the last: %s; before: %s", r.failed, r.began, r.Step, f.Now, f.Was)
	r.mu.Unlock()
	if enough {
		r.halt(Paused, why)
	}
}

// settled says where a letter is that was under way.
func (r *run) settled(at int, is progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at < 0 {
		r.Messages.Begun--
		*r.Messages.of(is)++
		return
	}
	r.all[at].underWay = false
	r.set(at, is)
}

// leave counts one letter less under way.
func (r *run) leave() {
	r.mu.Lock()
	r.underWay--
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// failureOf says why a letter was one, and why it is one again. A flow has taken what
// is not to be seen out of the error.
func failureOf(id string, l Letter, failure error) Failure {
	if failure == nil {
		return Failure{}
	}
	return Failure{id, strings.ReplaceAll(l.Cause.Error, "\x00", ""), short(failure.Error())}
}

// short is the beginning of a text.
func short(text string) string {
	return visible.Short(strings.ReplaceAll(text, "\x00", ""), 300)
}
