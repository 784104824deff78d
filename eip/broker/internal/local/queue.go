package local

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Queue is a queue, or a topic's subscription.
type Queue struct {
	b       *Broker
	name    string // for people
	log     Log    // nil: in memory only
	temp    bool   // goes with its last source
	ttl     atomic.Int64
	pattern atomic.Pointer[Pattern] // of a subscription

	mu    sync.Mutex
	spec  Spec
	gone  bool // removed: its senders must look again
	back  bySeq
	ready deque
	// length counts what waits, also on disk and on the way there; size the bytes
	// of it. What was taken and is not settled is not in them.
	length     int
	size       int64
	taken      int
	sources    []*source
	nextSource int           // of those that wait for a message
	vacated    chan struct{} // closed when something was taken; nil while nobody waits
	takes      uint64
	lastSeq    uint64 // of what arrived; on disk, where there is a log

	disk
	expiry
	ages
}

// The bounds of a queue in memory that has no MaxLength.
const (
	defaultLength = 10_000
	defaultSize   = 256 << 20
)

// errGone is what a sender gets that holds a queue which was removed meanwhile.
var errGone = errors.New("the queue was removed")

// head returns the next entry in memory; nil where there is none.
func (q *Queue) head() *Entry {
	if e := q.back.peek(); e != nil {
		return e
	}
	return q.ready.peek()
}

// pop takes the head off; it is somebody's now.
func (q *Queue) pop(e *Entry) {
	if q.back.peek() == e {
		q.back.pop()
	} else {
		q.ready.pop()
		q.uncache(e)
	}
	q.length--
	q.size -= e.size
	q.takes++
	if q.vacated != nil {
		close(q.vacated)
		q.vacated = nil
	}
}

// arrive makes an entry available for which there is a place.
func (q *Queue) arrive(e *Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return
	}
	if q.log == nil {
		q.lastSeq++
		e.Seq = q.lastSeq
	} else {
		q.lastSeq = e.Seq
	}
	// What somebody waits for does not expire on the way to him.
	if e.Deadline != 0 && q.head() == nil && !q.spilled && q.awaited() {
		e.ends, e.Deadline = e.Deadline, 0
	}
	if !q.cache(e) {
		e.Message = nil
	} else {
		q.ready.push(e)
	}
	q.note(e.Seq)
	q.signal(1)
	q.arm()
}

// giveBack returns a taken entry to where it was. Its message is a new one, as the
// receipt of the old one is used up.
func (q *Queue) giveBack(e *Entry) {
	if q.gone {
		e.state, e.Message = settled, nil
		return
	}
	e.state = ready
	if e.Message != nil {
		e.renew(e.Message)
	}
	q.length++
	q.size += e.size
	q.back.push(e)
	q.signal(1)
	q.arm()
}

// untake ends somebody's hold of e.
func (q *Queue) untake(e *Entry) {
	q.taken--
	s := e.source
	if s == nil {
		q.moved()
		return
	}
	s.unlink(e)
	if s.waits == forWindow {
		s.wakeUp()
	}
}

// awaited reports whether a source waits for a message.
func (q *Queue) awaited() bool {
	for _, s := range q.sources {
		if s.waits == forMessage {
			return true
		}
	}
	return false
}

// signal wakes up to n sources that wait for a message, in turn.
func (q *Queue) signal(n int) {
	for range q.sources {
		if n == 0 {
			return
		}
		q.nextSource = (q.nextSource + 1) % len(q.sources)
		if s := q.sources[q.nextSource]; s.waits == forMessage {
			s.wakeUp()
			n--
		}
	}
}

// redeclare takes over what may change of a queue that is in use.
func (q *Queue) redeclare(spec Spec) error {
	pattern, err := ParsePattern(spec.Pattern)
	if err != nil {
		return err
	}
	q.mu.Lock()
	if spec.Pattern != q.spec.Pattern && len(q.sources) > 0 {
		q.mu.Unlock()
		return fmt.Errorf("open %s with the pattern %q: it is read with the pattern %q already", q.name, spec.Pattern, q.spec.Pattern)
	}
	changed := q.spec != spec
	q.spec = spec
	q.mu.Unlock()
	q.ttl.Store(int64(spec.TTL))
	q.pattern.Store(&pattern)
	if changed && q.log != nil {
		_, err = q.b.store.Declare(spec)
	}
	return err
}

// idle reports whether nothing waits in a queue that is read, and nothing is
// taken.
func (q *Queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.sources) == 0 || q.length == 0 && q.taken == 0
}

// removed empties a queue that goes; false where it is read again, or has gone before.
func (q *Queue) removed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone || len(q.sources) > 0 {
		return false
	}
	q.gone = true
	for e := q.ready.peek(); e != nil; e = q.ready.peek() {
		q.ready.pop()
		q.uncache(e)
	}
	q.back = nil
	q.length, q.size, q.spilled = 0, 0, false
	if q.vacated != nil {
		close(q.vacated)
		q.vacated = nil
	}
	q.stopTimer()
	q.stopAges()
	return true
}

// waitingFor is why a source waits.
type waitingFor uint8

const (
	nothing waitingFor = iota
	forMessage
	forWindow
)

func newQueue(b *Broker, spec Spec, log Log) (*Queue, error) {
	q := &Queue{b: b, spec: spec, log: log, name: fmt.Sprintf("queue %q", spec.Address)}
	if spec.Subscription != "" {
		q.name = fmt.Sprintf("subscription %q of topic %q", spec.Subscription, spec.Address)
	}
	pattern, err := ParsePattern(spec.Pattern)
	if err != nil {
		return nil, err
	}
	q.pattern.Store(&pattern)
	q.ttl.Store(int64(max(spec.TTL, 0)))
	return q, nil
}

// stallTick is how often a sender that waits for room looks whether anything is
// taken; after stallTicks of them in vain it gives up.
const (
	stallTick  = 10 * time.Second
	stallTicks = 6
)
