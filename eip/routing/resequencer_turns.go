package routing

import (
	"context"
	"log/slog"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/settle"
	"github.com/eipd/eipd/eip/store"
)

// sequenced is how far a sequence is. It is in memory while a message of it waits or is under way.
type sequenced struct {
	key     string
	record  position // with next as the number whose turn it is
	inHand  any      // the identity of the message that has its turn; nil: there is none
	attempt int      // of that
	waiting map[int]*placed
}

// placed is a message and its place.
type placed struct {
	ctx     context.Context
	message *eip.Message
	next    eip.Handler
	key     string
	number  int
	came    time.Time
	arrival uint64      // counts those that wait
	early   bool        // some before it were missing
	release func(error) // nil: it did not wait
}

type turn int

const (
	waitsForTurn turn = iota
	itsTurn
	skippedTurn // it was waited for, and is no longer
	doubledTurn // another one of its number is there, or was
)

// turn says what is to become of a message. One that waits is held.
func (r *Resequencer) turn(p *placed) (turn, error) {
	me, attempt := settle.Identity(p.message), p.message.Attempt()
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.known(p.key)
	if err != nil {
		return 0, err
	}
	defer r.forgetIdle(s)
	switch {
	case s.inHand == me && s.attempt != attempt:
		s.attempt = attempt
		return itsTurn, nil
	case s.inHand == me:
		return doubledTurn, nil
	case r.closed:
		return 0, eip.ErrNotRunning
	case p.number < s.record.Next && s.record.skipped(p.number):
		return skippedTurn, nil
	case p.number < s.record.Next:
		return doubledTurn, nil
	case p.number == s.record.Next && s.inHand == nil:
		r.take(s, p)
		return itsTurn, nil
	}
	if w := s.waiting[p.number]; w != nil {
		if !w.message.Revoked() {
			return doubledTurn, nil
		}
		r.unqueue(s, w)
		r.working.Go(func() { w.release(eip.ErrRevoked) })
	}
	p.early = s.missing(p.number)
	r.arrivals++
	p.came, p.arrival, p.release = r.env.Clock.Now(), r.arrivals, p.message.Hold()
	s.waiting[p.number] = p
	r.waiting++
	r.makeRoom()
	r.arm()
	return waitsForTurn, nil
}

// known returns a sequence, as it is on disk where it is not in memory.
func (r *Resequencer) known(key string) (*sequenced, error) {
	if s := r.sequences[key]; s != nil {
		return s, nil
	}
	s := &sequenced{key: key, waiting: map[int]*placed{}}
	err := r.space.View(func(tx store.Reader) (err error) {
		s.record, err = r.read(tx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.sequences[key] = s
	return s, nil
}

func (r *Resequencer) forgetIdle(s *sequenced) {
	if s.inHand == nil && len(s.waiting) == 0 && r.sequences[s.key] == s {
		delete(r.sequences, s.key)
	}
}

func (r *Resequencer) unqueue(s *sequenced, p *placed) {
	delete(s.waiting, p.number)
	r.waiting--
}

// take gives a message its turn, which lasts until it has settled for good: so one that is
// tried again is not overtaken.
func (r *Resequencer) take(s *sequenced, p *placed) {
	s.inHand, s.attempt = settle.Identity(p.message), p.message.Attempt()
	s.record.Next = p.number + 1
	settle.Ended(p.message, func(end settle.End) {
		if end == settle.Failed { // it has had its turn
			r.space.Store().Commit(nil, []store.Step{{Space: r.space, Change: r.advanced(p)}}, func(_ int, err error) {
				if err != nil {
					r.env.Log.Error("how far a sequence is cannot be written", slog.Any("error", err))
				}
				r.ended(s, p, end)
			})
			return
		}
		r.ended(s, p, end)
	})
}

// pass hands on a message that has its turn.
func (r *Resequencer) pass(p *placed) error {
	n := &r.inOrder
	if p.early {
		n = &r.reordered
	}
	p.message.CountAt(r, n)
	store.Keep(p.message, r.space, r.advanced(p))
	return p.next.Handle(p.ctx, p.message)
}

// ended is about a message whose turn is over.
func (r *Resequencer) ended(s *sequenced, p *placed, end settle.End) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.inHand = nil
	if end == settle.Returned { // it will come again
		s.record.Next = p.number
	}
	r.advance(s)
	r.arm()
}

// advance gives the next message its turn, where it is there.
func (r *Resequencer) advance(s *sequenced) {
	if p := s.waiting[s.record.Next]; p != nil && s.inHand == nil {
		r.unqueue(s, p)
		r.take(s, p)
		r.working.Go(func() { settle.Resume(p.message, p.release, func() error { return r.proceed(p) }) })
	}
	r.forgetIdle(s)
}

func (r *Resequencer) proceed(p *placed) error {
	switch {
	case p.message.Revoked():
		return eip.ErrRevoked
	case p.ctx.Err() != nil:
		return p.ctx.Err()
	}
	return r.pass(p)
}

// missing reports whether not all are there whose turn is before number n.
func (s *sequenced) missing(n int) bool {
	there := s.record.Next
	for w := range s.waiting {
		if w < n {
			there++
		}
	}
	return there < n
}

// oldest is the first that came of those that wait for what is missing; nil: none does.
func (s *sequenced) oldest() (first *placed) {
	if s.inHand != nil {
		return nil
	}
	for _, p := range s.waiting {
		if first == nil || p.arrival < first.arrival {
			first = p
		}
	}
	return first
}

// makeRoom has the message go on that waits longest for what is missing, while too many do.
func (r *Resequencer) makeRoom() {
	for r.waiting > r.Capacity.Load() {
		var first *placed
		n := 0
		for _, s := range r.sequences {
			if p := s.oldest(); p != nil {
				n += len(s.waiting)
				if first == nil || p.arrival < first.arrival {
					first = p
				}
			}
		}
		if n <= r.Capacity.Load() {
			return
		}
		r.skip(r.sequences[first.key])
	}
}

// skip waits no longer for what is missing before those that wait.
func (r *Resequencer) skip(s *sequenced) {
	first := true
	to := 0
	for n := range s.waiting {
		if first || n < to {
			first, to = false, n
		}
	}
	if !s.isTest() {
		r.skippedNumbers.Add(int64(to - s.record.Next))
	}
	r.env.Log.Warn("messages are missing from a sequence, and are skipped", slog.Int("from", s.record.Next), slog.Int("to", to-1))
	s.record.skip(to)
	r.advance(s)
}

// arm has expire called when a time is over. It looks again now and then, as the time-out
// may be set.
func (r *Resequencer) arm() {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	if r.waiting == 0 || r.closed {
		return
	}
	wait, any := time.Second, false
	for _, s := range r.sequences {
		if p := s.oldest(); p != nil {
			wait, any = min(wait, r.env.Clock.Until(p.came.Add(r.Timeout.Load()))), true
		}
	}
	if any {
		r.timer = r.env.Clock.AfterFunc(max(wait, 0), r.expire)
	}
}

// expire skips what was waited for long enough.
func (r *Resequencer) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	for _, s := range r.sequences {
		if p := s.oldest(); p != nil && r.env.Clock.Since(p.came) >= r.Timeout.Load() {
			r.skip(s)
		}
	}
	r.arm()
}

// giveBack leaves to its source what waits.
func (r *Resequencer) giveBack() {
	r.mu.Lock()
	r.closed = true
	var all []*placed
	for _, s := range r.sequences {
		for _, p := range s.waiting {
			r.unqueue(s, p)
			all = append(all, p)
		}
		r.forgetIdle(s)
	}
	r.arm()
	r.mu.Unlock()
	for _, p := range all {
		p.release(eip.ErrNotRunning)
	}
}
