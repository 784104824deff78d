package amqp

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
)

// A server closes the channel of a consumer that keeps a message for longer than its
// consumer_timeout, and delivers all that the consumer had again. Begun anew, what
// takes longer than that would never end. So what this process still works on, or has
// just finished, is an orphan: its work goes on, and when its message is delivered
// again, the outcome settles that delivery.
type orphan struct {
	*entry
	key     [sha256.Size]byte
	forgets time.Time
}

// keepDone is how long the outcome of what is finished waits for its delivery. Who
// gets that may be another process.
const keepDone = time.Minute

// timedOut reports whether the server closed the channel because a message was kept for
// too long. It wants the lock, and that the channel is closed.
func (w *window) timedOut() bool {
	if w.conn.IsClosed() {
		return false
	}
	if w.closed != nil {
		err := <-w.closed // which the library sends, or closes, now
		w.closed = nil
		w.overdue = err != nil && err.Code == amqp.PreconditionFailed && strings.Contains(err.Reason, "acknowledgement") && strings.Contains(err.Reason, "timed out")
	}
	return w.overdue
}

// orphans returns what a window that is given up leaves behind.
func (w *window) orphans() (all []orphan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.channel.IsClosed() || !w.timedOut() {
		return nil
	}
	for _, e := range w.entries {
		if e.message != nil && e.state != acknowledged {
			all = append(all, orphan{e, identity(e.message), time.Now().Add(keepDone)})
		}
	}
	return all
}

// adopt has the work on an earlier delivery of m, where there is any, settle this one.
func (s *source) adopt(m *eip.Message, e *entry) bool {
	if !m.Redelivered || len(s.orphans) == 0 {
		return false
	}
	key, left, found := identity(m), s.orphans[:0], false
	for _, o := range s.orphans {
		switch state := o.now(); {
		case state == acknowledged, state == settled && time.Now().After(o.forgets):
		case !found && o.key == key && o.follow(e):
			found = true
		default:
			left = append(left, o)
		}
	}
	clear(s.orphans[len(left):])
	s.orphans = left
	return found
}

func (e *entry) now() state {
	e.window.mu.Lock()
	defer e.window.mu.Unlock()
	return e.state
}

// follow has next settle as e does; false where e was given back.
func (e *entry) follow(next *entry) bool {
	e.window.mu.Lock()
	state := e.state
	if state == unsettled {
		e.next = next
	}
	e.window.mu.Unlock()
	if state == settled {
		next.Settle(nil)
	}
	return state != acknowledged
}

// identity is all that says which message it is, but for what a server changes.
func identity(m *eip.Message) [sha256.Size]byte {
	headers := maps.Clone(m.Headers)
	for _, name := range []string{"x-delivery-count", "x-acquired-count", "x-death"} {
		delete(headers, name)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q %q %q %q %q %d %d %d %d %#v\n", m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType, m.Encoding, m.Key, m.AppID,
		m.Timestamp.UnixNano(), m.Expiration, m.Priority, m.Delivery, headers)
	h.Write(m.Body())
	return [sha256.Size]byte(h.Sum(nil))
}
