package local

import (
	"context"
	"errors"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Messages expire at the head of their queue, as RabbitMQ's do: one whose time is
// over behind one whose time is not waits until it gets there.

// expiry is what a queue knows of its messages' ends.
type expiry struct {
	timer   *time.Timer
	armed   int64 // the deadline that timer waits for
	moving  int   // expired, and on their way to the dead-letter queue
	refused bool  // the dead-letter queue did not take one; timer tries again
}

const (
	maxMoving = 100
	moveAgain = time.Second // when the dead-letter queue did not take one
)

// expire drops e, the expired head, or leaves it to the sweeper where it must go
// to a dead-letter queue.
func (q *Queue) expire(e *Entry) (dropped bool) {
	if q.spec.DeadLetter != "" {
		q.arm()
		return false
	}
	q.pop(e)
	e.state, e.Message = settled, nil
	if q.log != nil {
		q.log.Delete(e)
	}
	return true
}

// arm sets the timer for the head's deadline.
func (q *Queue) arm() {
	e := q.head()
	if e == nil || e.Deadline == 0 || e.Deadline == q.armed || q.refused {
		return
	}
	q.armed = e.Deadline
	q.setTimer(time.Until(time.Unix(0, e.Deadline)))
}

func (q *Queue) setTimer(d time.Duration) {
	if q.timer == nil {
		q.timer = time.AfterFunc(d, q.sweep)
	} else {
		q.timer.Reset(d)
	}
}

func (q *Queue) stopTimer() {
	if q.timer != nil {
		q.timer.Stop()
	}
}

func (q *Queue) sweepSoon() { q.setTimer(0) }

// sweep takes what has expired off the head.
func (q *Queue) sweep() {
	if !q.b.enter() {
		return
	}
	defer q.b.leave()
	q.mu.Lock()
	q.armed, q.refused = 0, false
	if q.head() == nil && q.spilled && !q.loading {
		// A damaged store fails whoever reads it; nothing is left to do here.
		_ = q.load()
	}
	to := q.spec.DeadLetter
	var move []*eip.Message
	for e := q.head(); e != nil && e.expired() && q.moving < maxMoving; e = q.head() {
		if q.expire(e) {
			continue
		}
		q.pop(e)
		e.state, e.source = taken, nil
		q.delivered = max(q.delivered, e.Seq)
		q.taken++
		q.moving++
		move = append(move, e.Message)
	}
	q.arm()
	q.signal(len(q.sources))
	q.mu.Unlock()
	for _, m := range move {
		q.deadLetter(to, m)
	}
}

// deadLetter moves m, which is settled when it has got there.
func (q *Queue) deadLetter(to string, m *eip.Message) {
	dead := m.WithHeaders(eip.Headers{eip.HeaderReason: "expired", eip.HeaderChannel: m.Channel}).
		With(func(m *eip.Message) { m.Expiration = 0 })
	eip.Deliver(q.b.closing, eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		err := q.b.sendDead(ctx, to, q.log != nil, m)
		if err != nil && !errors.Is(err, eip.ErrClosed) && ctx.Err() == nil {
			q.b.log.Error("cannot dead-letter, will try again", "queue", q.name, "dead_letter", to, "error", err)
		}
		return err
	}), dead)
}

// sendDead sends m to the dead-letter queue, and makes that where it is missing:
// nothing is lost because flows were started in another order.
func (b *Broker) sendDead(ctx context.Context, address string, durable bool, m *eip.Message) error {
	q, err := b.declare(broker.Channel{Address: address, Durable: durable, Declare: !b.exists(address)})
	if err != nil {
		return err
	}
	return b.send(ctx, m, []*Queue{q}, nil)
}
