package stats

import (
	"sync/atomic"
)

// Traffic counts what passes between a process and a channel or an adapter. Test
// Messages are counted apart. The zero Traffic is ready; it is safe for concurrent
// use, and a nil one counts nothing.
type Traffic struct {
	Of string // "queue.orders", where errors are to name it

	business, tests traffic
}

type traffic struct{ received, handed, sent, failed atomic.Int64 }

// TrafficCounts are what a Traffic has counted.
type TrafficCounts struct {
	// Received counts the messages that were taken from there.
	Received int64 `json:"received"`
	// Sent counts those that were handed over and confirmed.
	Sent int64 `json:"sent"`
	// Failed counts those that were handed over and refused. One that is tried again
	// is handed over again.
	Failed int64 `json:"failed"`
	// InFlight is how many are handed over, and neither confirmed nor refused.
	InFlight int64 `json:"in_flight"`
}

// A Confirmer is a sink that may return from Handle before it knows what becomes of
// the message. ConfirmTo is called once, before the first message: from then on the
// sink tells t what became of each that Handle took, by the message's HoldFor or by
// [Traffic.Settled]. What Handle refuses, its caller tells.
type Confirmer interface{ ConfirmTo(t *Traffic) }

func (t *Traffic) of(test bool) *traffic {
	if test {
		return &t.tests
	}
	return &t.business
}

// Received notes that a message was taken from there.
func (t *Traffic) Received(test bool) { t.receive(test, 1) }

// Unread notes that a message which was received has gone back.
func (t *Traffic) Unread(test bool) { t.receive(test, -1) }

func (t *Traffic) receive(test bool, n int64) {
	if t != nil {
		t.of(test).received.Add(n)
	}
}

// Handed notes that a message is being handed over.
func (t *Traffic) Handed(test bool) {
	if t != nil {
		t.of(test).handed.Add(1)
	}
}

// Settled notes that a message which was handed over is confirmed (nil) or refused.
func (t *Traffic) Settled(test bool, err error) {
	switch {
	case t == nil:
	case err == nil:
		t.of(test).sent.Add(1)
	default:
		t.of(test).failed.Add(1)
	}
}

// Counts returns what was counted, and Test Messages apart.
func (t *Traffic) Counts() (business, tests TrafficCounts) {
	return t.business.counts(), t.tests.counts()
}

// Any reports whether anything was counted.
func (t *Traffic) Any() bool {
	business, tests := t.Counts()
	return business != TrafficCounts{} || tests != TrafficCounts{}
}

// counts reads what ended before what began.
func (t *traffic) counts() TrafficCounts {
	c := TrafficCounts{Sent: t.sent.Load(), Failed: t.failed.Load()}
	c.InFlight = t.handed.Load() - c.Sent - c.Failed
	c.Received = t.received.Load()
	return c
}

// Minus returns what was counted since c was before. What was in flight then is
// settled since.
func (c TrafficCounts) Minus(before TrafficCounts) TrafficCounts {
	c.Received -= before.Received
	c.Sent -= before.Sent
	c.Failed -= before.Failed
	return c
}
