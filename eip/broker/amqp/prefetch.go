package amqp

import (
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// The client library reads whatever the broker sends, and the broker counts messages,
// of any size. So few are asked for at first, then as many of the size that was seen
// as the budget has room for. Each number is another consumer's: RabbitMQ does not
// change that of one which is there, and the next begins before it is cancelled, lest
// the queue goes with it.
//
// What comes when the budget is used up is not kept: its frames are dropped on their
// way to the library, and when all that was kept is settled, the broker is asked for
// it again, by fewer.
const (
	firstPrefetch = 8
	quickly       = 8 // times as many, until something was dropped
	slowly        = 2
	// forgetting is how many small messages make one that was large count for little.
	forgetting = 32
	overhead   = 512 // about what a message takes beside its header and body
)

// reading is what a window knows of what its consumer reads.
type reading struct {
	wire      *inbound
	queue     string
	fixed     bool // the prefetch, as a consumer that is cancelled makes way for another process'
	most      int
	budget    int64
	name      string // what the consumers' tags begin with
	growth    int
	tag       string // of the consumer
	consumers int    // so far

	// The window's lock guards what follows.
	feed, next <-chan amqp.Delivery // next: of the consumer that takes the place of feed's
	prefetch   int
	came       int      // with this prefetch
	coming     []coming // what the library has, in order
	held       int64    // bytes that came and are not settled
	typical    int64    // size of a message, rather too large
	dropping   bool
	dropped    uint64 // the last delivery that was
	returning  bool   // what was dropped comes again, before anything new may
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
		w.dropping = true
		for _, c := range w.coming {
			w.typical = max(w.typical, c.size)
		}
		for _, e := range w.entries {
			if e.state == unsettled {
				w.typical = max(w.typical, e.size)
			}
		}
	}
	if w.dropping || w.returning && !redelivered {
		w.dropping, w.dropped = true, tag
		w.poke()
		return false
	}
	w.returning = false
	return true
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
		w.typical -= (w.typical - size) / forgetting
	}
	if w.came++; w.prefetch < w.most && w.came%w.prefetch == 0 {
		w.poke()
	}
}

// adjust does what the sizes of messages ask for. Only run calls it.
func (w *window) adjust() {
	w.mu.Lock()
	fits := int(min(max(w.budget/max(w.typical, 1), 1), int64(w.most)))
	if w.dropping {
		w.growth = slowly
	}
	prefetch := 0 // that another consumer has
	switch {
	case w.next != nil || w.fixed: // it is being changed, or never is
	case w.dropping && fits < w.prefetch:
		prefetch = fits
	case !w.dropping && w.came >= w.prefetch && (fits >= 2*w.prefetch || fits == w.most && fits > w.prefetch):
		prefetch = min(fits, w.growth*w.prefetch)
	}
	w.mu.Unlock()
	if prefetch > 0 && w.consume(prefetch) != nil {
		return // the AMQP channel is lost
	}
	w.mu.Lock()
	if !w.dropping || w.held > 0 || w.next != nil {
		w.mu.Unlock()
		return
	}
	again := w.dropped
	w.dropping, w.returning = false, true
	w.mu.Unlock()
	w.acknowledge(true)
	_ = w.channel.Nack(again, true, true) // in one step, so that it comes in order
}

// consume makes a consumer of the given prefetch, in place of the one that is there.
// Their tags ascend: RabbitMQ takes back what several consumers had in the order of
// their tags.
func (w *window) consume(prefetch int) error {
	before := w.tag
	w.consumers++
	tag := fmt.Sprintf("%s-%08d", w.name, w.consumers)
	if err := w.channel.Qos(prefetch, 0, false); err != nil {
		return err
	}
	w.mu.Lock()
	w.prefetch, w.came = prefetch, 0
	w.mu.Unlock()
	w.wire.follow(tag, w)
	feed, err := w.channel.Consume(w.queue, tag, false, false, false, false, nil)
	if err != nil {
		w.wire.forget(tag)
		return err
	}
	w.tag = tag
	w.mu.Lock()
	if before == "" {
		w.feed = feed
	} else {
		w.next = feed
	}
	w.mu.Unlock()
	if before == "" {
		return nil
	}
	defer w.wire.forget(before)
	return w.channel.Cancel(before, false)
}

// follow returns the deliveries of the consumer that has taken the place of the one
// that gives no more; nil where there is none.
func (w *window) follow() <-chan amqp.Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == nil {
		return nil
	}
	w.feed, w.next = w.next, nil
	w.poke()
	return w.feed
}

// feeds are the deliveries that the library has.
func (w *window) feeds() (feed, next <-chan amqp.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.feed, w.next
}
