package eip

import (
	"encoding/hex"
	"strings"

	"github.com/eipd/eipd/eip/header"
)

// Headers are a message's own properties by name. The values are nil, bool, the
// sized and unsized integers, float32, float64, string, []byte, [time.Time],
// [Decimal], Headers (a table) and []any of these; brokers carry them as they are
// where they can, and the page of each broker says what becomes of the rest.
// A message's Headers must not be changed.
type Headers map[string]any

// Decimal is AMQP's decimal: Value divided by ten to the power of Scale.
type Decimal struct {
	Scale uint8
	Value int32
}

var informative = map[string]bool{
	header.Reason: true, header.Error: true, header.Flow: true, header.Stage: true, header.Channel: true,
	header.Attempts: true, header.FirstFailed: true, header.Failed: true, header.Stripped: true, header.Kept: true, header.History: true,
	header.After: true, header.To: true, header.ErrorCode: true, header.Format: true, header.Group: true, header.GroupCount: true, header.ClosedBy: true,
	header.Replays: true, header.ReplayedBy: true, header.Edited: true,
	header.Undo: true, header.Slip: true,
}

// Revived returns a dead letter as it was before it failed: without the headers that
// say why it did, and from the channel that it was taken from. It still says which stage
// made it, for [Flow.Replay].
func (m *Message) Revived() *Message {
	return m.Without(header.Reason, header.Error, header.Flow, header.Stage, header.Channel, header.Attempts, header.FirstFailed, header.Failed).
		With(func(c *Message) {
			if from, ok := m.Headers[header.Channel].(string); ok {
				c.Channel = from
			}
		})
}

// isTestID reports whether a value is the identifier of a Test Message. Whoever can
// send to a channel can mark what he sends as a test; that only keeps it from the
// outside world.
func isTestID(v any) bool {
	id, ok := v.(string)
	if !ok || len(id) != 32 {
		return false
	}
	_, err := hex.DecodeString(id)
	return err == nil
}

// FromOutside returns h without the headers that imitate ours: every name that
// starts with "eip-", in whatever case, but for the informative ones above in
// their exact spelling, and the mark of a Test Message. Sources that take messages from outside call it. It
// returns h itself where there is nothing to drop.
func (h Headers) FromOutside() Headers {
	ours := func(name string) bool {
		return len(name) >= 4 && strings.EqualFold(name[:4], "eip-") && !informative[name] && !(name == header.Test && isTestID(h[name]))
	}
	clean := true
	for name := range h {
		if ours(name) {
			clean = false
			break
		}
	}
	if clean {
		return h
	}
	c := make(Headers, len(h))
	for name, v := range h {
		if !ours(name) {
			c[name] = v
		}
	}
	return c
}
