package local

import (
	"context"
	"fmt"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/settle"
)

// reserve takes a place in the queue for m. A full queue refuses where its
// MaxLength was given; at the default bound the sender waits, and so slows down.
//
// Two flows that each wait for room in the queue that the other reads would wait
// for ever. So a sender gives up, with an error, when nobody has taken anything
// for a minute. A flow that sends to the queue it reads never waits: it has just
// made room there.
func (q *Queue) reserve(ctx context.Context, m *eip.Message, size int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	var w *waiter
	for q.full(size) {
		if q.spec.MaxLength > 0 {
			return fmt.Errorf("send to %s: it is full: its max_length is %d", q.name, q.spec.MaxLength)
		}
		if e, ok := settle.Settler(m).(*Entry); ok && e.queue == q {
			break
		}
		if w == nil {
			w = &waiter{q: q, takes: q.takes, tick: time.NewTicker(stallTick)}
			defer w.tick.Stop()
		}
		if err := w.wait(ctx, m); err != nil {
			return err
		}
	}
	if q.gone {
		return errGone
	}
	q.length++
	q.size += size
	q.b.moves.Add(1)
	return nil
}

// full reports whether a message of this size must wait. A durable queue's default
// bound is the disk.
func (q *Queue) full(size int64) bool {
	switch {
	case q.gone:
		return false
	case q.spec.MaxLength > 0:
		return q.length >= q.spec.MaxLength
	case q.log != nil:
		return false
	}
	return q.length >= defaultLength || q.length > 0 && q.size+size > defaultSize
}

// unreserve gives a place back that was not used.
func (q *Queue) unreserve(size int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return
	}
	q.length--
	q.size -= size
	if q.vacated != nil {
		close(q.vacated)
		q.vacated = nil
	}
}

// waiter is a sender that waits for room.
type waiter struct {
	q     *Queue
	tick  *time.Ticker
	takes uint64
	ticks int
}

// wait returns when there may be room. The queue is locked before and after.
func (w *waiter) wait(ctx context.Context, m *eip.Message) error {
	q := w.q
	if q.vacated == nil {
		q.vacated = make(chan struct{})
	}
	vacated := q.vacated
	q.mu.Unlock()
	defer q.mu.Lock()
	settle.Unpark(m) // which may be what makes room
	for {
		select {
		case <-vacated:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-q.b.closing.Done():
			return eip.ErrClosed
		case <-w.tick.C:
		}
		if err := w.stalled(); err != nil {
			return err
		}
	}
}

// stalled counts the time in which nothing was taken.
func (w *waiter) stalled() error {
	q := w.q
	q.mu.Lock()
	takes, length, readers := q.takes, q.length, len(q.sources)
	q.mu.Unlock()
	if takes != w.takes {
		w.takes, w.ticks = takes, 0
		return nil
	}
	w.ticks++
	if w.ticks == 1 {
		q.b.log.Warn("sender waits: the queue is full and nothing is taken from it", "queue", q.name, "messages", length, "readers", readers)
	}
	if w.ticks >= stallTicks {
		return fmt.Errorf("send to %s: it is full (%d messages, %d readers), and nothing was taken from it for %v",
			q.name, length, readers, stallTick*stallTicks)
	}
	return nil
}
