package eip

import (
	"slices"
	"time"
)

// extra is what is kept of a message that is measured, that failed, that passes
// very many stages, or that others wait for.
type extra struct {
	clock
	onSettled   func()
	failed      func()            // told of what has failed for good
	forgive     func(error) error // of this attempt
	firstFailed time.Time
	slots       uint64        // of the stages that it reached in earlier attempts
	far         map[int]int32 // of slots beyond 63, the attempt that reached them first
	// failing are the stages at which it failed in the present attempt. owed are those,
	// of this attempt and earlier ones, that have counted it as received, and do not
	// know yet what became of it.
	failing, owed []*tally
}

// more returns the extra; the lock is held.
func (r *receipt) more() *extra {
	if r.extra == nil {
		r.extra = &extra{}
	}
	return r.extra
}

// visits notes that the message is at a stage, and reports whether it was not there
// in an earlier attempt.
func (r *receipt) visits(slot int) (first bool) {
	if slot < 64 {
		r.slots.Or(1 << slot)
		return r.attempts == 0 || r.extra.slots&(1<<slot) == 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.more()
	at, ok := t.far[slot]
	if ok {
		return at == r.attempts
	}
	if t.far == nil {
		t.far = map[int]int32{}
	}
	t.far[slot] = r.attempts
	return true
}

func (r *receipt) failedAt(s *tally, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.more()
	t.failing = append(t.failing, s)
	if first {
		t.owed = append(t.owed, s)
	}
}

// passedAgain is about a stage that the message reached in an earlier attempt, and
// has counted it. What it owes is settled at the end, but a drop is known now.
func (r *receipt) passedAgain(s *tally, dropped bool) {
	if !dropped {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.extra.pay(s) {
		s.dropped.Add(1)
	}
}

// pay strikes off one debt of a stage; false where there is none.
func (t *extra) pay(s *tally) bool {
	i := slices.Index(t.owed, s)
	if i >= 0 {
		t.owed = slices.Delete(t.owed, i, i+1)
	}
	return i >= 0
}

// tryAgain begins another attempt.
func (r *receipt) tryAgain() {
	t := r.extra
	for _, s := range t.failing {
		s.retried.Add(1)
	}
	t.failing, t.slots, t.forgive = nil, r.slots.Load(), nil
	r.err = nil
	r.sent.Store(0)
	r.dropped.Store(false)
	r.noted.Store(0)
	r.refs.Store(1)
}

// conclude tells the stages what became of the message at last: it got round those
// where it failed earlier, and failed at those where it failed now.
func (r *receipt) conclude(how failure) {
	t := r.extra
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
