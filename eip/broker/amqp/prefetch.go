package amqp

import (
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The client library reads whatever the broker sends, and the broker counts messages,
// of any size. So what comes when the budget in bytes is used up is not kept: its
// frames are dropped on their way to the library. When all that was kept is settled and
// nothing more comes, what was dropped is given back in one step, and asked for again
// by another consumer, of as many as fit; and so it is done when many more would fit.
// RabbitMQ does not change the prefetch of a consumer that is there.
const (
	quiet  = 200 * time.Millisecond // without anything that comes
	glance = 5 * time.Millisecond
	// many is how many messages make one that was large count for little, and how often
	// a prefetch is used until another one is tried.
	many       = 32
	growth     = 8   // times as many at most
	overhead   = 512 // about what a message takes beside its header and body
	waitReturn = 2 * time.Second
)

// reading is what a window knows of what its consumer reads.
type reading struct {
	wire    *inbound
	queue   string
	name    string // what the consumers' tags begin with
	fixed   bool   // no other consumer: the queue may go without one, or be taken over
	most    int
	budget  int64
	resumed chan struct{} // there is another consumer after a while without one

	// Only run uses these, once it runs.
	tag       string // of the consumer
	consumers int    // so far

	// The window's lock guards what follows.
	prefetch  int
	feed      <-chan amqp.Delivery
	behind    bool     // the source reads what an earlier consumer had
	paused    bool     // there is no consumer for a while
	came      int      // to this consumer
	coming    []coming // what the library has, in order
	held      int64    // bytes that came and are not settled
	typical   int64    // size of a message, rather too large
	dropping  bool
	drops     int
	dropped   uint64 // the last delivery that was
	when      time.Time
	returning bool // what was dropped comes again, before anything new may
}

// coming is a delivery on its way.
type coming struct {
	tag  uint64
	size int64
	at   time.Time // of what may expire
}

// admit reports whether a delivery that begins to arrive is kept.
func (w *window) admit(tag uint64, redelivered bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held >= w.budget && !w.dropping {
		for _, c := range w.coming {
			w.typical = max(w.typical, c.size)
		}
		for _, e := range w.entries {
			if e.state == unsettled {
				w.typical = max(w.typical, e.size)
			}
		}
	}
	if w.held < w.budget && !w.dropping && (redelivered || !w.returning) {
		w.returning = false
		return true
	}
	w.dropping, w.dropped, w.when = true, tag, time.Now()
	w.drops++
	w.poke()
	return false
}

// arrive notes the size of a delivery that was admitted, and when it came if it expires.
func (w *window) arrive(tag uint64, size int64, expires bool) {
	c := coming{tag: tag, size: size}
	if expires {
		c.at = time.Now()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.coming = append(w.coming, c)
	w.held += size
	if size > w.typical {
		w.typical = size
	} else {
		w.typical -= (w.typical - size) / many
	}
	w.came++
	if w.prefetch < w.most {
		w.when = time.Now()
		if w.stalls() {
			w.poke()
		}
	}
}

// stalls reports whether all that was asked for is unsettled and takes little: the flow
// may need more of it to go on.
func (w *window) stalls() bool {
	n := len(w.coming)
	for _, e := range w.entries {
		if e.state == unsettled {
			n++
		}
	}
	return !w.fixed && !w.dropping && !w.behind && w.prefetch < w.most && n >= w.prefetch && w.held < w.budget/2
}

// fits is how many messages the budget is enough for.
func (w *window) fits() int { return int(min(max(w.budget/max(w.typical, 1), 1), int64(w.most))) }

// adjust does what the sizes of messages ask for. Only run calls it.
func (w *window) adjust() {
	w.mu.Lock()
	defer w.mu.Unlock()
	fits, stalls := w.fits(), w.stalls()
	if !w.fixed && !w.dropping && !w.behind && w.prefetch < w.most && w.came >= many*w.prefetch && fits > w.prefetch {
		w.dropping, w.when = true, time.Now()
	}
	if !stalls && (!w.dropping || w.held > 0) {
		return
	}
	if left := quiet - time.Since(w.when); left > 0 {
		time.AfterFunc(left, w.poke)
		return
	}
	prefetch := min(fits, growth*w.prefetch)
	if stalls {
		prefetch = min(2*w.prefetch, w.most)
	}
	w.paused, w.returning = !w.fixed, w.fixed
	last := w.dropped
	if w.fixed {
		w.dropping, w.drops = false, 0
	}
	w.mu.Unlock()
	defer w.mu.Lock()
	w.acknowledge(true)
	if w.fixed {
		_ = w.channel.Nack(last, true, true)
		return
	}
	w.anew(prefetch)
}

// anew gives back what was dropped, for another consumer. The AMQP channel may be lost;
// then nothing of it succeeds.
func (w *window) anew(prefetch int) {
	_ = w.channel.Cancel(w.tag, false)
	w.wire.forget(w.tag)
	w.mu.Lock()
	last, n := w.dropped, w.drops
	w.dropping, w.drops = false, 0
	w.mu.Unlock()
	if n > 0 {
		before, _ := w.channel.QueueDeclarePassive(w.queue, false, false, false, false, nil)
		_ = w.channel.Nack(last, true, true)
		w.returned(before.Messages + n)
	}
	_ = w.consume(prefetch)
	w.mu.Lock()
	w.paused = false
	w.mu.Unlock()
	select {
	case w.resumed <- struct{}{}:
	default: // nobody has waited
	}
}

// returned waits until so many messages are in the queue: a quorum queue may take the
// next consumer before it takes back what the last one had. Where others read the
// queue, there may never be as many, and no order either.
func (w *window) returned(n int) {
	for range waitReturn / glance {
		q, err := w.channel.QueueDeclarePassive(w.queue, false, false, false, false, nil)
		if err != nil || q.Messages >= n {
			return
		}
		select {
		case <-time.After(glance):
		case <-w.done:
			return
		}
	}
}

// consume makes a consumer of the given prefetch.
func (w *window) consume(prefetch int) error {
	if err := w.channel.Qos(prefetch, 0, false); err != nil {
		return err
	}
	w.consumers++
	w.tag = fmt.Sprintf("%s-%d", w.name, w.consumers)
	w.mu.Lock()
	w.prefetch, w.came = prefetch, 0
	w.mu.Unlock()
	w.wire.follow(w.tag, w)
	feed, err := w.channel.Consume(w.queue, w.tag, false, false, false, false, nil)
	if err != nil {
		w.wire.forget(w.tag)
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behind = w.feed != nil
	w.feed = feed
	return nil
}

// next returns the deliveries of the consumer that has taken the place of the one that
// gives no more; nil where there is none, or will be soon.
func (w *window) next(before <-chan amqp.Delivery) (feed <-chan amqp.Delivery, soon bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.feed != before {
		feed, w.behind = w.feed, false
	}
	return feed, w.paused
}
