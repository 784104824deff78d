package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/internal/settle"
)

// source is one consumer of a queue. The queue's lock guards its fields.
type source struct {
	q         *Queue
	prefetch  int
	unsettled int
	held      int64 // bytes of them
	budget    int64
	first     *Entry // of what was taken and is not settled
	waits     waitingFor
	closed    bool
	wake      chan struct{}
}

const defaultPrefetch = 1000

// open adds a source; nil where the queue was removed meanwhile.
func (q *Queue) open(sub broker.Subscription, alone bool) (*source, error) {
	prefetch := sub.Prefetch
	if prefetch <= 0 {
		prefetch = defaultPrefetch
	}
	budget := int64(sub.PrefetchBytes)
	if budget <= 0 {
		budget = broker.DefaultPrefetchBytes
	}
	s := &source{q: q, prefetch: prefetch, budget: budget, wake: make(chan struct{}, 1)}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.b.closing.Err() != nil: // Close may have closed the others already
		return nil, eip.ErrClosed
	case q.gone:
		return nil, nil
	case alone && len(q.sources) > 0:
		return nil, eip.Permanent(fmt.Errorf("%s has message groups (group_by), and is read already: in one process one flow reads such a queue, with concurrency", q.name))
	}
	q.sources = append(q.sources, s)
	return s, nil
}

// Receive waits for the next message, and for the window to have room for it.
func (s *source) Receive(ctx context.Context) (*eip.Message, error) {
	for {
		m, err := s.take(ctx)
		if m != nil || err != nil {
			return m, err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			s.leave()
			return nil, ctx.Err()
		}
	}
}

// take returns the next message; nil where the source must wait.
func (s *source) take(ctx context.Context) (*eip.Message, error) {
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		s.waits = nothing
		e := q.head()
		switch {
		case s.closed || q.gone:
			return nil, eip.ErrClosed
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case s.unsettled >= s.prefetch || s.held >= s.budget:
			s.waits = forWindow
			return nil, nil
		case e == nil && q.spilled && !q.loading:
			if err := q.load(); err != nil {
				return nil, err
			}
		case e == nil:
			s.waits = forMessage
			return nil, nil
		case e.Message == nil:
			if err := q.reload(e); err != nil {
				return nil, err
			}
		case e.expired():
			if !q.expire(e) {
				s.waits = forMessage
				return nil, nil
			}
		case q.log != nil && e.Seq > q.mark:
			if err := q.raiseMark(ctx, e); err != nil {
				return nil, err
			}
		case q.log != nil && q.behind(ctx):
		default:
			return s.have(e), nil
		}
	}
}

// have makes e the source's.
func (s *source) have(e *Entry) *eip.Message {
	q := s.q
	q.pop(e)
	q.arm()
	q.delivered = max(q.delivered, e.Seq)
	q.taken++
	e.state, e.source = taken, s
	s.unsettled++
	s.held += e.size
	if e.next = s.first; e.next != nil {
		e.next.prev = e
	}
	s.first = e
	return e.Message
}

// SetAside lets go of a message that is on disk, and does not expire.
func (s *source) SetAside(m *eip.Message) bool {
	e, ok := settle.Settler(m).(*Entry)
	if !ok {
		return false
	}
	q := s.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.log == nil || e.source != s || e.state != taken || e.aside || e.Deadline != 0 || q.expires() {
		return false
	}
	e.aside, e.Message = true, nil
	s.leaveWindow(e)
	return true
}

// leaveWindow makes room for another message than e.
func (s *source) leaveWindow(e *Entry) {
	s.unsettled--
	s.held -= e.size
}

func (s *source) unlink(e *Entry) {
	if !e.aside {
		s.leaveWindow(e)
	}
	e.aside = false
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		s.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	}
	e.prev, e.next, e.source = nil, nil, nil
}

// wakeUp ends the wait of Receive.
func (s *source) wakeUp() {
	s.waits = nothing
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// leave stops waiting. Where the source was woken meanwhile, another one must have
// the message.
func (s *source) leave() {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	s.waits = nothing
	select {
	case <-s.wake:
		s.q.signal(1)
	default:
	}
}

// Close gives back what is not settled. Where the broker closes, there is nobody to
// give it back to, and what is settled until all is written still counts.
func (s *source) Close() error {
	q := s.q
	closing := q.b.closing.Err() != nil
	q.mu.Lock()
	if s.closed {
		q.mu.Unlock()
		return nil
	}
	s.closed = true
	if i := slices.Index(q.sources, s); i >= 0 {
		q.sources = slices.Delete(slices.Clone(q.sources), i, i+1)
	}
	for e := s.first; e != nil && !closing; e = s.first {
		q.untake(e)
		q.giveBack(e)
	}
	s.wakeUp()
	remove := len(q.sources) == 0 && (q.temp || q.spec.AutoDelete)
	q.mu.Unlock()
	if remove && !closing {
		return q.b.remove(q)
	}
	return nil
}
