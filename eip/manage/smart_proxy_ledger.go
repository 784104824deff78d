package manage

import (
	"container/list"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/stats"
)

// The most of each kind that a ledger remembers.
const (
	mostOutstanding = 100_000
	mostTimedOut    = 10_000
	mostStrays      = 10_000
)

// A ledger knows the requests of one proxy that have no reply yet, and counts. It
// is bounded: of too many outstanding requests the oldest count as timed out, and
// of too many timed out the oldest are forgotten.
type ledger struct {
	clock   eip.Clock
	mu      sync.Mutex
	timeout time.Duration
	nonce   uint64
	// Requests sent until then may have timed out and been forgotten: a reply to one
	// is perhaps late and perhaps a double. A reply to a later one that is not
	// remembered can only be a double.
	forgotten time.Time
	exchanges map[exchangeKey]*exchange
	waiting   list.List // outstanding, in the order of sending
	overdue   list.List // timed out
	strays    list.List // delivered for others, to know a double by
	timer     eip.Timer
	closed    bool
	heard     time.Time // when the last reply came
	silent    bool      // a request timed out, and no reply has come since it was sent
	changed   func()    // silent has; nil: nobody is told

	requests, replies, returning, timedOut, late, failed, foreign int64
	roundTrips                                                    stats.Histogram
}

type exchangeKey struct{ nonce, number uint64 }

// An exchange is a request and its reply.
type exchange struct {
	exchangeKey
	sent, arrived time.Time
	state         exchangeState
	place         *list.Element // in the list of its state, if that has one
	late          bool          // the reply came after the time-out
	stray         bool          // not watched by this process, or no longer

	kept    bool // request is; it changes when it times out
	request *eip.Message
	settle  func(error) // ends the hold on it
	unhook  func() bool // stops watching its context
}

type exchangeState int

const (
	outstanding exchangeState = iota
	answering                 // its reply is on its way
	overdue                   // timed out
	answered                  // a stray whose reply was delivered
)

func (l *ledger) open(timeout time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timeout, l.closed = timeout, false
	if l.exchanges == nil {
		l.exchanges, l.nonce = map[exchangeKey]*exchange{}, random()
	}
	l.arm()
}

// close gives back the requests that are kept. What travels stays in the books,
// for the same stage may be opened again.
func (l *ledger) close() {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	var back []*exchange
	for _, x := range l.exchanges {
		if x.kept && x.state == outstanding {
			back = append(back, x)
		}
	}
	l.mu.Unlock()
	for _, x := range back {
		l.giveBack(x, eip.ErrClosed)
	}
}

// number begins the correlation of the next request.
func (l *ledger) number() correlation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return correlation{nonce: l.nonce, number: random(), sent: l.clock.Now()}
}

// random is a number that nobody can guess.
func random() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.NativeEndian.Uint64(b[:])
}

// watch enters a request whose reply finds its way without this process.
func (l *ledger) watch(c correlation) *exchange {
	x := &exchange{exchangeKey: exchangeKey{c.nonce, c.number}, sent: c.sent}
	l.enter(x, nil)
	return x
}

// keep enters a request that is held until its reply is delivered, it times out,
// or ctx ends; then settle is called.
func (l *ledger) keep(ctx context.Context, c correlation, m *eip.Message, settle func(error)) *exchange {
	x := &exchange{exchangeKey: exchangeKey{c.nonce, c.number}, sent: c.sent, kept: true, request: m, settle: settle}
	l.enter(x, func() { x.unhook = context.AfterFunc(ctx, func() { l.giveBack(x, ctx.Err()) }) })
	return x
}

func (l *ledger) enter(x *exchange, also func()) {
	l.mu.Lock()
	l.requests++
	l.exchanges[x.exchangeKey] = x
	x.place = l.waiting.PushBack(x)
	if also != nil {
		also()
	}
	var full func()
	if l.waiting.Len() > mostOutstanding {
		full = l.expire(l.waiting.Front().Value.(*exchange))
	}
	l.arm()
	l.mu.Unlock()
	if full != nil {
		full()
	}
}

// fail takes back a request that could not be forwarded.
func (l *ledger) fail(x *exchange) { l.giveBack(x, nil) }

// giveBack ends an outstanding exchange without a reply.
func (l *ledger) giveBack(x *exchange, err error) {
	l.mu.Lock()
	mine := l.exchanges[x.exchangeKey] == x && x.state == outstanding
	if mine {
		l.waiting.Remove(x.place)
		delete(l.exchanges, x.exchangeKey)
		l.failed++
	}
	l.mu.Unlock()
	if mine {
		x.end(err)
	}
}

// end ends the hold on a request that is kept.
func (x *exchange) end(err error) {
	if x.settle != nil {
		x.unhook()
		x.settle(err)
	}
}

// arm sets the one timer to when the oldest request will time out. It wants the
// lock.
func (l *ledger) arm() {
	if oldest := l.waiting.Front(); oldest != nil && l.timer == nil && !l.closed {
		l.timer = l.clock.AfterFunc(l.clock.Until(oldest.Value.(*exchange).sent.Add(l.timeout)), l.sweep)
	}
}

// sweep times out what is due.
func (l *ledger) sweep() {
	l.mu.Lock()
	l.timer = nil
	var ends []func()
	was := l.silent
	for e := l.waiting.Front(); e != nil && !l.closed; e = l.waiting.Front() {
		x := e.Value.(*exchange)
		if l.clock.Since(x.sent) < l.timeout {
			break
		}
		l.silent = l.silent || l.heard.Before(x.sent)
		ends = append(ends, l.expire(x))
	}
	if l.silent && !was && l.changed != nil {
		ends = append(ends, l.changed)
	}
	l.arm()
	l.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// expire moves a request from the outstanding to the timed out. It wants the lock,
// and returns what is to be done without it.
func (l *ledger) expire(x *exchange) (end func()) {
	l.waiting.Remove(x.place)
	l.timedOut++
	l.remember(x)
	settle, unhook, timeout := x.settle, x.unhook, l.timeout
	if settle == nil {
		return func() {}
	}
	// A late reply needs the envelope only; the rest of the message may go.
	x.request, x.settle = x.request.WithBody(nil).Fork(nil), nil
	return func() {
		unhook()
		settle(eip.Permanent(fmt.Errorf("no reply within %v", timeout)))
	}
}

// hear notes that the service has replied.
func (l *ledger) hear() {
	l.mu.Lock()
	was := l.silent
	l.heard, l.silent = l.clock.Now(), false
	l.mu.Unlock()
	if was && l.changed != nil {
		l.changed()
	}
}

func (l *ledger) remember(x *exchange) {
	x.state, x.place = overdue, l.overdue.PushBack(x)
	if l.overdue.Len() > mostTimedOut {
		oldest := l.overdue.Remove(l.overdue.Front()).(*exchange)
		delete(l.exchanges, oldest.exchangeKey)
		if oldest.sent.After(l.forgotten) {
			l.forgotten = oldest.sent
		}
	}
}
