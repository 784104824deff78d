package eip

import "sync/atomic"

// Counts are what became of the messages that a flow or a stage received. At any
// time
//
//	Received = Sent + Failed + Dropped + InFlight
//
// and nothing is in flight once all messages are settled. A message counts once,
// however often it was tried and however many copies it made. Test Messages are
// counted apart.
type Counts struct {
	Received int64 `json:"received"`
	// Sent counts what went on: to what follows, to a channel, to a service.
	Sent int64 `json:"sent"`
	// Failed is the sum of DeadLettered, Invalid and Returned. A stage has those that
	// failed there, a flow has all.
	Failed       int64 `json:"failed"`
	Retried      int64 `json:"retried"` // attempts that failed, and were followed by another
	DeadLettered int64 `json:"dead_lettered"`
	Invalid      int64 `json:"invalid"`
	Returned     int64 `json:"returned"` // left to the source; of a copy aside, lost
	// Dropped counts what ended on purpose and went nowhere.
	Dropped int64 `json:"dropped"`
	// Expired counts those of Dropped whose expiration had passed before the flow began
	// them.
	Expired int64 `json:"expired,omitempty"`
	// Copies counts what was sent to channels and adapters in all.
	Copies   int64 `json:"copies"`
	InFlight int64 `json:"in_flight"`
}

// Minus returns what was counted since c was before, for counts that begin anew.
// What was in flight then was received since.
func (c Counts) Minus(before Counts) Counts {
	c.Received -= before.Received - before.InFlight
	c.Sent -= before.Sent
	c.Failed -= before.Failed
	c.Retried -= before.Retried
	c.DeadLettered -= before.DeadLettered
	c.Invalid -= before.Invalid
	c.Returned -= before.Returned
	c.Dropped -= before.Dropped
	c.Expired -= before.Expired
	c.Copies -= before.Copies
	return c
}

// tally is what Counts are made of.
type tally struct {
	received, sent, dropped, expired, retried, copies atomic.Int64
	failed                                            [failures]atomic.Int64
}

// failure is how a message ended that was not sent.
type failure int

const (
	deadLettered failure = iota
	invalidated
	returned
	failures
)

// counts reads what ended before what began, so that nothing seems to have ended
// that had not begun.
func (t *tally) counts() Counts {
	c := Counts{Sent: t.sent.Load(), Dropped: t.dropped.Load(), Expired: t.expired.Load(), Retried: t.retried.Load(), Copies: t.copies.Load(),
		DeadLettered: t.failed[deadLettered].Load(), Invalid: t.failed[invalidated].Load(), Returned: t.failed[returned].Load()}
	c.Failed = c.DeadLettered + c.Invalid + c.Returned
	c.Received = t.received.Load()
	c.InFlight = c.Received - c.Sent - c.Dropped - c.Failed
	return c
}

// tallies keeps Test Messages apart from the others.
type tallies struct {
	business, tests tally
	latency         Histogram
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
		r.noted.Add(uint32(n))
	}
}

// IsTest reports whether m is a Test Message.
func (m *Message) IsTest() bool { return m.receipt != nil && m.receipt.test }

// Drop notes that m ends here on purpose. A stage that neither passes m on nor
// sends it anywhere calls it before it returns.
func (m *Message) Drop() {
	if r := m.receipt; r != nil {
		r.dropped.Store(true)
		r.noted.Add(oneDrop)
	}
}

// What stages note of a message until the link that called them takes it over: the
// copies in the lower bits, the drops above.
const oneDrop = 1 << 24

// pass counts a message that has passed a stage, which noted this of it.
func (t *tally) pass(noted uint32) {
	t.copies.Add(int64(noted % oneDrop))
	if noted >= oneDrop {
		t.dropped.Add(1)
	} else {
		t.sent.Add(1)
	}
}

// outcome counts what became of a message as a whole that did not fail.
func (t *tally) outcome(r *receipt) Outcome {
	sent := r.sent.Load()
	t.copies.Add(int64(sent))
	if sent == 0 && r.dropped.Load() {
		t.dropped.Add(1)
		return WasDropped
	}
	t.sent.Add(1)
	return WasSent
}
