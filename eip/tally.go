package eip

import (
	"sync/atomic"

	"github.com/eipd/eipd/eip/stats"
)

// tally is what stats.Counts are made of.
type tally struct {
	received, made, sent, dropped, absorbed, expired, retried, copies atomic.Int64
	failed                                                            [failures]atomic.Int64
}

// failure is how a message ended that was not sent.
type failure int

const (
	deadLettered failure = iota
	invalidated
	returned
	answered
	unanswered
	failures
)

// counts reads what ended before what began, so that nothing seems to have ended
// that had not begun.
func (t *tally) counts() stats.Counts {
	c := stats.Counts{Sent: t.sent.Load(), Dropped: t.dropped.Load(), Absorbed: t.absorbed.Load(), Expired: t.expired.Load(), Retried: t.retried.Load(), Copies: t.copies.Load(),
		DeadLettered: t.failed[deadLettered].Load(), Invalid: t.failed[invalidated].Load(), Returned: t.failed[returned].Load(),
		Answered: t.failed[answered].Load(), Unanswered: t.failed[unanswered].Load()}
	c.Failed = c.DeadLettered + c.Invalid + c.Returned + c.Answered + c.Unanswered
	c.Received, c.Made = t.received.Load(), t.made.Load()
	c.InFlight = c.Received + c.Made - c.Sent - c.Dropped - c.Absorbed - c.Failed
	return c
}

// tallies keeps Test Messages apart from the others.
type tallies struct {
	business, tests tally
	latency         stats.Histogram
}

func (t *tallies) of(r *receipt) *tally {
	if r.test {
		return &t.tests
	}
	return &t.business
}

// Sent notes that n copies of m went to a channel, an adapter or a service. A
// stage that sends by itself calls it; what goes on to next, or to a Pipe's To, is
// counted without.
func (m *Message) Sent(n int) {
	if r := m.receipt; r != nil {
		r.sent.Add(int32(n))
	}
	m.Copied(n)
}

// Copied notes that n copies of m went aside: what becomes of them is no part of
// what becomes of m.
func (m *Message) Copied(n int) {
	if r := m.receipt; r != nil {
		r.noted.Add(uint64(n))
	}
}

// IsTest reports whether m is a Test Message.
func (m *Message) IsTest() bool { return m.receipt != nil && m.receipt.test }

// Drop notes that m ends here on purpose. A stage that neither passes m on nor
// sends it anywhere calls it before it returns.
func (m *Message) Drop() {
	if r := m.receipt; r != nil {
		r.ends.Or(isDropped)
		r.noted.Add(oneDrop)
	}
}

// Absorb notes that m ends here, and lives on in what the stage remembers or gathers. A
// stage that does so calls it before it returns.
func (m *Message) Absorb() {
	if r := m.receipt; r != nil {
		r.ends.Or(isAbsorbed)
		r.noted.Add(oneAbsorbed)
	}
}

// How a message ended at stages.
const (
	isDropped uint32 = 1 << iota
	isAbsorbed
)

// What stages note of a message until the chainLink that called them takes it over: the
// copies in the lower bits, the drops above, and how often it was absorbed above these.
const (
	oneDrop     = 1 << 32
	oneAbsorbed = 1 << 48
)

// pass counts a message that has passed a stage, which noted this of it.
func (t *tally) pass(noted uint64) {
	t.copies.Add(int64(noted % oneDrop))
	switch {
	case noted >= oneAbsorbed:
		t.absorbed.Add(1)
	case noted >= oneDrop:
		t.dropped.Add(1)
	default:
		t.sent.Add(1)
	}
}

// outcome counts what became of a message as a whole that did not fail.
func (t *tally) outcome(r *receipt) stats.Outcome {
	sent := r.sent.Load()
	t.copies.Add(int64(sent))
	switch {
	case sent > 0:
	case r.ends.Load()&isAbsorbed != 0:
		t.absorbed.Add(1)
		return stats.Absorbed
	case r.ends.Load()&isDropped != 0:
		t.dropped.Add(1)
		return stats.Dropped
	}
	t.sent.Add(1)
	return stats.Sent
}
