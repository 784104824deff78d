package eip

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/eipd/eipd/eip/internal/settle"
)

// attemptState is what is kept of a message that is measured, that failed, that passes
// very many stages, or that others wait for.
type attemptState struct {
	stopwatch
	onSettled   func()
	ended       []func(settle.End) // told once it has settled for good
	failed      func(error)        // told of what has failed for good
	forgive     func(error) error  // of this attempt
	work        context.Context    // ends with the flow's Timeout; nil: there is none
	stop        context.CancelFunc
	unbegun     bool // its time was over before it was begun
	firstFailed time.Time
	steps       []settle.Step // to be on disk before the message settles with nil
	came        []settle.Step // those that it came with, which outlast an attempt
	ofStage     bool          // a stage made it, and nobody sent it here
	head        Handler       // what it passes; nil: all of the flow
	after       string        // the address of the stage that head follows; "": it has none
	reached     uint64        // of the stages that it reached in earlier attempts
	far         map[int]int32 // of stages numbered beyond 63, the attempt that reached them first
	// failing are the stages at which it failed in the present attempt. owed are those,
	// of this attempt and earlier ones, that have counted it as received, and do not
	// know yet what became of it.
	failing, owed []*tally
	passing       []Stage // that the message had been at before this attempt
	undecided     []Stage // that counted it nowhere when it was there
}

// needState returns the state, which it makes at need; the lock is held.
func (r *receipt) needState() *attemptState {
	if r.state == nil {
		r.state = &attemptState{}
	}
	return r.state
}

// reach notes that the message is at a stage, and reports whether it was not there
// in an earlier attempt.
func (r *receipt) reach(number int) (first bool) {
	if number < 64 {
		r.reached.Or(1 << number)
		return r.attempts == 0 || r.state.reached&(1<<number) == 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.needState()
	at, ok := t.far[number]
	if ok {
		return at == r.attempts
	}
	if t.far == nil {
		t.far = map[int]int32{}
	}
	t.far[number] = r.attempts
	return true
}

// wasAt reports whether the message has been at a stage, in whichever attempt.
func (r *receipt) wasAt(number int) bool {
	if number < 64 {
		return r.reached.Load()&(1<<number) != 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, was := r.needState().far[number]
	return was
}

func (r *receipt) failedAt(s *tally, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.needState()
	t.failing = append(t.failing, s)
	if first {
		t.owed = append(t.owed, s)
	}
}

// reachedAgain is about a stage that the message reached in an earlier attempt.
func (r *receipt) reachedAgain(s Stage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.state
	if i := slices.Index(t.undecided, s); i >= 0 {
		t.undecided = slices.Delete(t.undecided, i, i+1)
		return
	}
	t.passing = append(t.passing, s)
}

// passedAgain is about a stage that has passed a message on which it reached in an
// earlier attempt. Where it failed there until now, that is counted now.
func (r *receipt) passedAgain(s *tally, noted uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.pay(s) {
		s.pass(noted)
	}
}

// CountsAt reports whether the stage s, a pointer, that m is at should count it in
// counts of its own. A message counts once, however often it is tried; a Test Message
// does not.
func (m *Message) CountsAt(s Stage) bool {
	r := m.receipt
	return r == nil || !r.test && (r.attempts == 0 || r.countsAt(s))
}

// CountAt adds one to n if CountsAt.
func (m *Message) CountAt(s Stage, n *atomic.Int64) {
	if m.CountsAt(s) {
		n.Add(1)
	}
}

func (r *receipt) countsAt(s Stage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.Contains(r.needState().passing, s)
}

// Undecided notes that m fails at a stage before that has counted it, so that the next
// attempt does. It returns err.
func (m *Message) Undecided(s Stage, err error) error {
	if r := m.receipt; r != nil && m.CountsAt(s) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.needState().undecided = append(r.state.undecided, s)
	}
	return err
}

// pay strikes off one debt of a stage; false where there is none.
func (t *attemptState) pay(s *tally) bool {
	i := slices.Index(t.owed, s)
	if i >= 0 {
		t.owed = slices.Delete(t.owed, i, i+1)
	}
	return i >= 0
}

// tryAgain begins another attempt.
func (r *receipt) tryAgain() {
	t := r.state
	for _, s := range t.failing {
		s.retried.Add(1)
	}
	t.failing, t.passing, t.reached, t.forgive, t.steps = nil, nil, r.reached.Load(), nil, nil
	r.err = nil
	r.sent.Store(0)
	r.ends.Store(0)
	r.noted.Store(0)
	r.refs.Store(1)
}

// conclude tells the stages what became of the message at last: it got round those
// where it failed earlier, and failed at those where it failed now.
func (r *receipt) conclude(how failure) {
	t := r.state
	if t == nil {
		return
	}
	for _, s := range t.failing {
		if !t.pay(s) {
			s.sent.Add(-1) // it had passed there in an earlier attempt
		}
		s.failed[how].Add(1)
	}
	for _, s := range t.owed {
		s.sent.Add(1)
	}
	t.failing, t.owed = nil, nil
}

// allSteps are those that are not yet made.
func (t *attemptState) allSteps() []settle.Step {
	if t == nil {
		return nil
	}
	return slices.Concat(t.came, t.steps)
}

// made forgets the steps of a store, once they are made.
func (t *attemptState) made(by settle.Store) {
	of := func(s settle.Step) bool { return s.Store == by }
	t.came, t.steps = slices.DeleteFunc(t.came, of), slices.DeleteFunc(t.steps, of)
}

// tellEnded tells those who wait that the message has settled for good: with which error
// it failed, and with which its source is told.
func (t *attemptState) tellEnded(failed, told error) {
	if t == nil {
		return
	}
	end := settle.Done
	switch {
	case told != nil:
		end = settle.Returned
	case failed != nil:
		end = settle.Failed
	}
	for _, f := range t.ended {
		f(end)
	}
}
