package stats

// Counts are what became of the messages that a flow or a stage received. At any
// time
//
//	Received + Made = Sent + Failed + Dropped + Absorbed + InFlight
//
// and nothing is in flight once all messages are settled. A message counts once,
// however often it was tried and however many copies it made. Test Messages are
// counted apart.
type Counts struct {
	Received int64 `json:"received"`
	// Made counts the messages that a stage made by itself, as an aggregator does.
	Made int64 `json:"made,omitempty"`
	// Sent counts what went on: to what follows, to a channel, to a service.
	Sent int64 `json:"sent"`
	// Failed is the sum of DeadLettered, Invalid, Returned, Answered and Unanswered. A
	// stage has those that failed there, a flow has all.
	Failed       int64 `json:"failed"`
	Retried      int64 `json:"retried"` // attempts that failed, and were followed by another
	DeadLettered int64 `json:"dead_lettered"`
	Invalid      int64 `json:"invalid"`
	Returned     int64 `json:"returned"` // left to the source; of a copy aside, lost
	// Answered counts requests of a service that failed and are kept nowhere: their
	// callers had an error reply. Of those Unanswered, nobody could be told, or was there
	// any more.
	Answered   int64 `json:"answered,omitempty"`
	Unanswered int64 `json:"unanswered,omitempty"`
	// Dropped counts what ended on purpose and went nowhere.
	Dropped int64 `json:"dropped"`
	// Absorbed counts what lives on in what a stage remembers.
	Absorbed int64 `json:"absorbed,omitempty"`
	// Expired counts those of Dropped whose expiration, or the flow's time-out, had passed
	// before the flow began them.
	Expired int64 `json:"expired,omitempty"`
	// Copies counts what was sent to channels and adapters in all.
	Copies   int64 `json:"copies"`
	InFlight int64 `json:"in_flight"`
}

// Minus returns what was counted since c was before, for counts that begin anew.
// What was in flight then was received since.
func (c Counts) Minus(before Counts) Counts {
	c.Received -= before.Received - before.InFlight
	c.Made -= before.Made
	c.Sent -= before.Sent
	c.Failed -= before.Failed
	c.Retried -= before.Retried
	c.DeadLettered -= before.DeadLettered
	c.Invalid -= before.Invalid
	c.Returned -= before.Returned
	c.Answered -= before.Answered
	c.Unanswered -= before.Unanswered
	c.Dropped -= before.Dropped
	c.Absorbed -= before.Absorbed
	c.Expired -= before.Expired
	c.Copies -= before.Copies
	return c
}

// Outcome is what became of a message in a flow.
type Outcome string

// The outcomes of messages.
const (
	Sent         Outcome = "sent"
	Dropped      Outcome = "dropped"
	Absorbed     Outcome = "absorbed"
	DeadLettered Outcome = "dead_lettered"
	Invalid      Outcome = "invalid"
	Returned     Outcome = "returned"
	Answered     Outcome = "answered"
	Unanswered   Outcome = "unanswered"
)
