package flowtest

import (
	"time"

	"github.com/eipd/eipd/eip"
)

// expectBlock says what came to a place.
type expectBlock struct {
	// How many messages, exactly.
	Count int `flow:"count,unset"`
	// How many messages at least.
	AtLeast int `flow:"at_least,unset"`
	// How many messages at most.
	AtMost int `flow:"at_most,unset"`
	// any: the blocks message may come in another order than they are written.
	Order order `flow:"order"`
	// An expression of whose value messages keep the order in which they were sent.
	SameKeyOrder eip.Value `flow:"same_key_order"`
	// How far the clock may go on until it is fulfilled.
	Within time.Duration `flow:"within"`
	// It must still hold when so much time has passed.
	For time.Duration `flow:"for"`
	// All that went through, and not only what stayed.
	Passed bool `flow:"passed"`
	// The path or key that a sink adapter's expression made.
	At string `flow:"at"`
	// Of dead letters: failed, invalid.
	Reason reason `flow:"reason"`
	// Of dead letters: the address of the stage that failed.
	Stage string `flow:"stage"`
	// Of dead letters: a regular expression that the error's text matches.
	Error string `flow:"error"`
	// Of dead letters: how often the message was tried.
	Attempts int `flow:"attempts,unset"`
	counts
	// What a message must be, one after the other.
	Message []*matchBlock `flow:"message,block"`
}

// An order is that of messages, where it is not as they are written.
type order string

// Options lists them.
func (order) Options() []string { return []string{"any"} }

// A reason is why a message was given up.
type reason string

// Options lists them.
func (reason) Options() []string { return []string{"failed", "invalid"} }

// Validate checks that it can be fulfilled.
func (e *expectBlock) Validate() error {
	switch {
	case e.Count != 0 && (e.AtLeast != 0 || e.AtMost != 0):
		return eip.OptionErrorf("count", "it is how many exactly; at_least and at_most are for what is not known so well")
	case e.AtMost != 0 && e.AtLeast > max(e.AtMost, 0):
		return eip.OptionErrorf("at_most", "it is less than at_least")
	}
	return nil
}

// counts are what a flow, a stage or a source has counted.
type counts struct {
	// Of a flow or stage: the messages that it took.
	Received int `flow:"received,unset"`
	// Of a flow or stage: those that went on.
	Sent int `flow:"sent,unset"`
	// Of a flow or stage: those that ended there on purpose.
	Dropped int `flow:"dropped,unset"`
	// Of a flow or stage: what was sent to channels and adapters in all.
	Copies int `flow:"copies,unset"`
	// Of a flow or stage: attempts that failed, and were followed by another.
	Retried int `flow:"retried,unset"`
	// Of a flow or stage: those that failed for good.
	DeadLettered int `flow:"dead_lettered,unset"`
	// Of a flow or stage: those that could not be read or evaluated.
	Invalid int `flow:"invalid,unset"`
	// Of a flow, stage or source: those that were left to the source.
	Returned int `flow:"returned,unset"`
	// Of a stage: how many messages went each way. It names all ways that were gone.
	Branches map[string]any `flow:"branches"`
	// Of a source: what the flows took and settled.
	Acked int `flow:"acked,unset"`
	// Of a source: what waits there still.
	Left int `flow:"left,unset"`
}

// matchBlock says what a message must be. All of it must hold.
type matchBlock struct {
	// The body is equal: text to text, anything else to JSON of that value.
	Body any `flow:"body"`
	// What the body, which is JSON, contains at any depth.
	Has any `flow:"has"`
	// The body is this text.
	Text optional `flow:"text"`
	// The body, as text, matches this regular expression.
	Matches string `flow:"matches"`
	// The body's bytes are those of this file, relative to the test file. With --update
	// they are written there.
	Golden string `flow:"golden"`
	// An expression that is true. It sees the first message that the test sent as sent.
	If eip.Merge `flow:"if,sent,decides"`
	// Headers that are there, with these values.
	Headers map[string]any `flow:"headers"`
	// Headers that are not there.
	Without []string `flow:"without"`
	// The Message ID.
	ID optional `flow:"id"`
	// The routing key.
	Key optional `flow:"key"`
	// The message's type.
	Type optional `flow:"type"`
	// The MIME type of the body.
	ContentType optional `flow:"content_type"`
	// The Correlation Identifier.
	CorrelationID optional `flow:"correlation_id"`
	// The Return Address.
	ReplyTo optional `flow:"reply_to"`
	// How long it may wait in a channel.
	Expiration time.Duration `flow:"expiration"`
	// Body and headers are byte for byte those of the message that it was made of.
	Unchanged bool `flow:"unchanged"`
	// Addresses that it passed, in this order; others may be between them.
	Via []string `flow:"via"`
	// Addresses that it did not pass.
	NotVia []string `flow:"not_via"`
}
