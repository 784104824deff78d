package local

import (
	"errors"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/instant"
)

// An Entry is a message in a queue. It is the Settler of the message that is
// delivered.
type Entry struct {
	Seq      uint64 // its place in the queue
	Deadline int64  // when it expires, in Unix nanoseconds; 0: never
	// Message is what is delivered; nil where it is on disk only, and once the
	// entry is settled.
	Message *eip.Message

	ends       int64 // its Deadline, where somebody waited for it
	queue      *Queue
	size       int64
	state      state
	deleted    bool    // its removal is on disk already
	aside      bool    // it is taken, and its Message is on disk only
	source     *source // who took it; nil: the sweeper
	prev, next *Entry  // of the source's unsettled entries
}

type state uint8

const (
	ready state = iota
	taken
	settled
)

// Size is that of its message.
func (e *Entry) Size() int64 { return e.size }

// fill makes e the entry of a copy of m, of that size, in q.
func (e *Entry) fill(q *Queue, m *eip.Message, size int64) {
	e.queue, e.size = q, size
	e.Message = q.own(eip.NewFor(m.Body(), e), m)
	if life, bounded := q.life(m); bounded {
		e.Deadline = instant.Nanoseconds(q.b.clock.Now().Add(life))
	}
}

// renew makes m the message of an entry that was delivered before.
func (e *Entry) renew(m *eip.Message) {
	e.Message = e.queue.own(eip.NewFor(m.Body(), e), m)
	e.Message.Redelivered = true
}

// life is how long m may wait in q.
func (q *Queue) life(m *eip.Message) (time.Duration, bool) {
	ttl := q.ttl.Load()
	switch {
	case m.Expiration < 0:
		return 0, true
	case m.Expiration == 0:
		return time.Duration(ttl), ttl > 0
	case ttl == 0:
		return m.Expiration, true
	}
	return min(m.Expiration, time.Duration(ttl)), true
}

// own copies m's properties to c, the message that q delivers.
func (q *Queue) own(c, m *eip.Message) *eip.Message {
	c.ID, c.CorrelationID, c.ReplyTo = m.ID, m.CorrelationID, m.ReplyTo
	c.Type, c.ContentType, c.Encoding = m.Type, m.ContentType, m.Encoding
	c.Key, c.UserID, c.AppID = m.Key, m.UserID, m.AppID
	c.Timestamp, c.Expiration, c.Priority = m.Timestamp, m.Expiration, m.Priority
	c.Delivery, c.Sequence, c.Headers = m.Delivery, m.Sequence, m.Headers
	return q.deliverable(c)
}

// deliverable finishes a message that q delivers.
func (q *Queue) deliverable(m *eip.Message) *eip.Message {
	m.Channel = q.spec.Address
	if m.ReplyTo != "" {
		return m.WithReplier(q.b.replies)
	}
	return m
}

func (e *Entry) expired() bool {
	return e.Deadline != 0 && e.queue.b.clock.Now().UnixNano() >= e.Deadline
}

// Expired reports whether a taken entry has expired before it was begun.
func (e *Entry) Expired() bool {
	q := e.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.ends != 0 {
		return q.b.clock.Now().UnixNano() >= e.ends
	}
	return e.expired()
}

// Settle takes the entry off its queue, or gives it back.
func (e *Entry) Settle(err error) {
	q := e.queue
	q.mu.Lock()
	if e.state != taken { // its source was closed, and gave it back
		q.mu.Unlock()
		return
	}
	if e.source == nil && err != nil {
		q.refuse()
	}
	q.untake(e)
	if err != nil {
		if errors.Is(err, eip.ErrExpired) && e.Deadline == 0 {
			e.Deadline = e.ends
		}
		q.giveBack(e)
		q.mu.Unlock()
		return
	}
	e.state, e.Message = settled, nil
	remove := q.log != nil && !e.deleted
	q.mu.Unlock()
	if remove {
		q.log.Delete(e)
	}
}

// Deleting reports whether e is taken, so that a store may delete it in the
// transaction that settles it. Deleted says that it has.
func (e *Entry) Deleting() bool {
	q := e.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	return e.state == taken && !e.deleted
}

// Deleted is described at Deleting.
func (e *Entry) Deleted() {
	e.queue.mu.Lock()
	defer e.queue.mu.Unlock()
	e.deleted = true
}

// Log is where the entry is on disk; nil where it is not.
func (e *Entry) Log() Log { return e.queue.log }
