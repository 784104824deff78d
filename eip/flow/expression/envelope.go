package expression

import (
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
)

// envelope is what expressions see as message.
type envelope struct {
	ID            string        `expr:"id"`
	CorrelationID string        `expr:"correlation_id"`
	ReplyTo       string        `expr:"reply_to"`
	Type          string        `expr:"type"`
	ContentType   string        `expr:"content_type"`
	Timestamp     time.Time     `expr:"timestamp"`
	Expiration    time.Duration `expr:"expiration"`
	Priority      int           `expr:"priority"`
	Key           string        `expr:"key"`
	Redelivered   bool          `expr:"redelivered"`
	Channel       string        `expr:"channel"`
	Sequence      sequence      `expr:"sequence"`
	History       []any         `expr:"history"`
}

type sequence struct {
	ID     string `expr:"id"`
	Number int    `expr:"number"`
	Size   int    `expr:"size"`
}

var (
	envelopeNames = []string{"id", "correlation_id", "reply_to", "type", "content_type", "timestamp", "expiration",
		"priority", "key", "redelivered", "channel", "sequence", "history"}
	sequenceNames = []string{"id", "number", "size"}
)

func newEnvelope(m *eip.Message) envelope {
	history, ok := plainValue(m.Headers[header.History]).([]any)
	if !ok {
		history = []any{}
	}
	return envelope{
		ID: m.ID, CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, Type: m.Type, ContentType: m.ContentType,
		Timestamp: m.Timestamp, Expiration: m.Expiration, Priority: int(m.Priority), Key: m.Key,
		Redelivered: m.Redelivered, Channel: m.Channel, History: history,
		Sequence: sequence{m.Sequence.ID, m.Sequence.Number, m.Sequence.Size},
	}
}

// field reads one member of message without making all of it; nil for those that
// cannot be had alone.
var field = map[string]func(m *eip.Message) any{
	"id":             func(m *eip.Message) any { return m.ID },
	"correlation_id": func(m *eip.Message) any { return m.CorrelationID },
	"reply_to":       func(m *eip.Message) any { return m.ReplyTo },
	"type":           func(m *eip.Message) any { return m.Type },
	"content_type":   func(m *eip.Message) any { return m.ContentType },
	"timestamp":      func(m *eip.Message) any { return m.Timestamp },
	"expiration":     func(m *eip.Message) any { return m.Expiration },
	"priority":       func(m *eip.Message) any { return int(m.Priority) },
	"key":            func(m *eip.Message) any { return m.Key },
	"redelivered":    func(m *eip.Message) any { return m.Redelivered },
	"channel":        func(m *eip.Message) any { return m.Channel },
}

// fields is message as a value.
func (e envelope) fields() map[string]any {
	return map[string]any{
		"id": e.ID, "correlation_id": e.CorrelationID, "reply_to": e.ReplyTo, "type": e.Type, "content_type": e.ContentType,
		"timestamp": e.Timestamp, "expiration": e.Expiration.String(), "priority": e.Priority, "key": e.Key,
		"redelivered": e.Redelivered, "channel": e.Channel, "sequence": e.Sequence.fields(), "history": e.History,
	}
}

func (s sequence) fields() map[string]any {
	return map[string]any{"id": s.ID, "number": s.Number, "size": s.Size}
}
