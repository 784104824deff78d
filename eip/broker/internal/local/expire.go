package local

import (
	"context"
	"errors"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
)

// Messages expire at the head of their queue, as RabbitMQ's do: one whose time is
// over behind one whose time is not waits until it gets there.

// expiry is what a queue knows of its messages' ends.
type expiry struct {
	timer    eip.Timer
	armed    int64 // the deadline that timer waits for
	sweeping bool  // one at a time, so that the order is kept
	moving   int   // expired, and on their way to the dead-letter queue
	refused  bool  // the dead-letter queue did not take one; timer tries again
}

const (
	maxMoving = 100
	moveAgain = time.Second // when the dead-letter queue did not take one
	lookAgain = time.Second // for messages that nobody reads from disk
	onDisk    = 1           // where the head, and so its deadline, is not in memory
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

// arm sets the timer for the head's deadline, but where that is looked at anyhow:
// by the sweeper, by what it has under way, or when it tries again.
func (q *Queue) arm() {
	if q.sweeping || q.refused || q.moving >= maxMoving {
		return
	}
	deadline := int64(0)
	if e := q.head(); e != nil {
		deadline = e.Deadline
	} else if q.spilled && q.expires() {
		deadline = onDisk
	}
	switch deadline {
	case 0, q.armed:
		return
	case onDisk:
		q.setTimer(lookAgain)
	default:
		q.setTimer(q.b.clock.Until(time.Unix(0, deadline)))
	}
	q.armed = deadline
}

// expires reports whether messages of q end at a time that matters, also while
// nobody reads.
func (q *Queue) expires() bool { return q.spec.TTL > 0 || q.spec.DeadLetter != "" }

func (q *Queue) setTimer(d time.Duration) {
	if q.timer == nil {
		q.timer = q.b.clock.AfterFunc(d, q.sweep)
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
	defer q.mu.Unlock()
	q.armed, q.refused = 0, false
	if q.sweeping {
		return
	}
	q.sweeping = true
	for move := q.takeExpired(); len(move) > 0; move = q.takeExpired() {
		to := q.spec.DeadLetter
		q.mu.Unlock()
		for _, e := range move {
			q.deadLetter(to, e)
		}
		q.mu.Lock()
	}
	q.sweeping = false
	q.arm()
	q.signal(len(q.sources))
}

// takeExpired drops what has expired at the head, or returns what must go to the
// dead-letter queue. It unlocks q where it waits for the disk.
func (q *Queue) takeExpired() (move []*Entry) {
	for !q.refused && q.moving < maxMoving && !q.gone {
		e := q.head()
		if e == nil && q.spilled && !q.loading {
			// A damaged store fails whoever reads it; nothing is to be done here.
			if q.load() == nil {
				continue
			}
		}
		if e == nil || !e.expired() {
			break
		}
		if q.log != nil && q.behind(q.b.closing) {
			if q.b.closing.Err() != nil {
				break
			}
			continue
		}
		if q.expire(e) {
			continue
		}
		q.pop(e)
		e.state, e.source = taken, nil
		q.delivered = max(q.delivered, e.Seq)
		q.taken++
		q.moving++
		move = append(move, e)
	}
	return move
}

// moved counts one message less on its way to the dead-letter queue.
func (q *Queue) moved() {
	if q.moving--; q.moving == maxMoving/2 && !q.refused {
		q.sweepSoon()
	}
}

// refuse notes that the dead-letter queue did not take a message.
func (q *Queue) refuse() {
	q.refused = true
	q.setTimer(moveAgain)
}

func (q *Queue) isRefused() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refused
}

var errRefused = errors.New("the dead-letter queue did not take the one before")

// deadLetter moves e, which is settled when it has got there. None overtakes one
// that was refused.
func (q *Queue) deadLetter(to string, e *Entry) {
	if q.isRefused() {
		e.Settle(errRefused)
		return
	}
	dead := e.Message.WithHeaders(eip.Headers{header.Reason: "expired", header.Channel: e.Message.Channel}).
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
