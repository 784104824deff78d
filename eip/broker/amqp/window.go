package amqp

import (
	"errors"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
)

const (
	ackEvery = 64                   // settled messages
	ackAfter = 2 * time.Millisecond // since the first of them
	holeAge  = 50 * time.Millisecond
)

// window acknowledges deliveries: of the longest settled prefix many at a time,
// and what is settled behind a delivery that takes long one by one.
type window struct {
	conn    *connection
	channel *amqp.Channel
	lasting bool          // the queue outlives the AMQP channel
	cancels <-chan string // has an entry when the queue was deleted, or moved
	done    chan struct{}
	wake    chan struct{}
	ended   chan struct{}

	reading

	mu      sync.Mutex
	entries []*entry // unacknowledged, by delivery tag
	settled int      // entries that are settled and not acknowledged
	firm    uint64   // the last delivery that cannot be revoked
	deleted bool     // as cancels has said
	closed  <-chan *amqp.Error
	overdue bool // as closed has said
}

// entry is one delivery, and the Settler of its message.
type entry struct {
	window *window
	tag    uint64
	size   int64
	state  state

	message *eip.Message // until it is acknowledged
	next    *entry       // of the same message, which settles as this one does
}

type state uint8

const (
	unsettled state = iota
	settled
	acknowledged // or given back
)

func newWindow(conn *connection, ch *amqp.Channel, lasting bool, r reading) *window {
	w := &window{conn: conn, channel: ch, lasting: lasting, cancels: ch.NotifyCancel(make(chan string, 2)), done: make(chan struct{}), wake: make(chan struct{}, 1), ended: make(chan struct{}), closed: ch.NotifyClose(make(chan *amqp.Error, 1)), reading: r}
	return w
}

// expiring is an entry of a message that expires here at a time.
type expiring struct {
	*entry
	at time.Time
}

func (e *expiring) Expired() bool { return time.Now().After(e.at) }

// lost reports whether what it has will come again.
func (w *window) lost() bool { return w.conn.IsClosed() || w.channel.IsClosed() }

// add returns the Settler of a delivery; nil where it is void: what comes before it may have
// been given up.
func (w *window) add(d *amqp.Delivery) eip.Settler {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost() {
		return nil
	}
	e, came := &entry{window: w, tag: d.DeliveryTag, size: w.coming[0].size}, w.coming[0].at
	w.coming = w.coming[1:]
	w.entries = append(w.entries, e)
	if !w.lasting || !stays(d) {
		w.firm = e.tag
	}
	if after := expiration(d.Expiration); after > 0 {
		return &expiring{e, came.Add(after)}
	}
	return e
}

// stays reports whether the broker delivers d again for certain: it may lose what is
// not persistent, drop what expires, and what a quorum queue has delivered often.
func stays(d *amqp.Delivery) bool {
	return d.DeliveryMode == amqp.Persistent && d.Expiration == "" && d.Headers["x-delivery-count"] == nil
}

// Settle notes the outcome; a failure gives the message back at once. On an AMQP
// channel that is lost it has no effect: the broker delivers again.
func (e *entry) Settle(err error) {
	w := e.window
	w.mu.Lock()
	w.held -= e.size
	next := e.next
	if err != nil {
		e.state, e.message = acknowledged, nil
	} else {
		e.state = settled
		w.settled++
	}
	if w.dropping && w.held == 0 {
		w.poke()
	}
	wake := err == nil && (w.settled == 1 || w.settled >= ackEvery || w.settled == len(w.entries))
	w.mu.Unlock()
	if next != nil {
		next.Settle(err)
		return
	}
	if err != nil {
		_ = w.channel.Nack(e.tag, false, !errors.Is(err, eip.ErrExpired)) // it then goes where what expires in the queue goes
		return
	}
	if wake {
		w.poke()
	}
}

// poke has run look.
func (w *window) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Revoked reports whether the delivery is void, and the broker will deliver the
// message again. To keep the order, what comes before a message that it may not
// deliver again is not revoked either.
func (e *entry) Revoked() bool {
	w := e.window
	if !w.lost() {
		return false
	}
	w.mu.Lock()
	next := e.next
	if next == nil {
		defer w.mu.Unlock()
	} else {
		w.mu.Unlock()
		return next.Revoked()
	}
	if w.timedOut() { // its work goes on
		return false
	}
	select {
	case _, ok := <-w.cancels:
		w.deleted = w.deleted || ok
	default:
	}
	return e.state == unsettled && e.tag > w.firm && !w.deleted
}

// run acknowledges when enough is settled, or a little after the first is.
func (w *window) run() {
	defer close(w.ended)
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	var hole time.Time // since when settled messages wait behind one that is not
	for {
		select {
		case <-w.wake:
			w.adjust()
			if !w.enough() {
				t.Reset(ackAfter)
				continue
			}
		case <-t.C:
		case <-w.done:
			w.acknowledge(true)
			return
		}
		switch left := w.acknowledge(!hole.IsZero() && time.Since(hole) >= holeAge); {
		case !left:
			hole = time.Time{}
		case hole.IsZero():
			hole = time.Now()
			t.Reset(holeAge)
		default:
			t.Reset(holeAge)
		}
	}
}

func (w *window) enough() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settled >= ackEvery || w.settled == len(w.entries)
}

// acknowledge sends what can be acknowledged. It reports whether settled messages
// are left behind one that is not; with all, they are acknowledged one by one.
func (w *window) acknowledge(all bool) (left bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.channel.IsClosed() {
		return false
	}
	n, last := 0, uint64(0)
	for n < len(w.entries) && w.entries[n].state != unsettled {
		if w.entries[n].state == settled {
			w.settled--
			last = w.entries[n].tag
		}
		n++
	}
	clear(w.entries[:n])
	w.entries = w.entries[n:]
	if last != 0 {
		_ = w.channel.Ack(last, true) // if it is lost, the broker delivers again
	}
	if !all {
		return w.settled > 0
	}
	for _, e := range w.entries {
		if e.state == settled {
			e.state, e.message = acknowledged, nil
			w.settled--
			_ = w.channel.Ack(e.tag, false)
		}
	}
	return false
}

func (w *window) close() {
	close(w.done)
	<-w.ended
}
