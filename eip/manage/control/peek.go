package control

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Bounds of peek.
const (
	mostPeeked = 1000             // messages that are shown at once
	peekLasts  = 10 * time.Second // until all of them are told of
)

// peek is the command of that name: it shows the first messages that wait in a queue,
// and leaves them there.
func (s *Server) peek(r *request) (any, error) {
	most := r.upTo("count", mostPeeked, 1)
	if r.wrong != nil {
		return nil, r.wrong
	}
	if err := s.isQueue(r); err != nil {
		return nil, err
	}
	ctx, cancel := s.Clock.WithTimeout(r.ctx, peekLasts)
	defer cancel()
	look, err := s.Process.Look(ctx, r.Target)
	if err != nil {
		return nil, err
	}
	p := Peeked{}
	if p.Cost, err = look.Price(ctx, look.At); err != nil {
		return nil, err
	}
	for m, err := range look.Browse(ctx, look.At, broker.BrowseOptions{Most: most}) {
		if err != nil {
			return nil, Errorf(Failed, "%d messages were seen: %v", p.Seen, err)
		}
		m.Message = s.redact.look(m.Message, nil).message()
		if p.Seen++; !s.stream(r, Viewed(m)) {
			break // the asker is gone
		}
	}
	return p, nil
}

// Peeked is the last result of peek; those before it are messages.
type Peeked struct {
	Seen int64        `json:"seen"`
	Cost broker.Price `json:"cost"`
}

// Viewed is View of a message that waits.
func Viewed(m broker.Browsed) map[string]any {
	v := View(m.Message)
	if m.Taken {
		v["taken"] = true
	}
	return v
}

// View is how a message is printed, or sent as JSON.
func View(m *eip.Message) map[string]any {
	v := map[string]any{"channel": m.Channel, "redelivered": m.Redelivered}
	for name, text := range map[string]string{"id": m.ID, "correlation_id": m.CorrelationID, "reply_to": m.ReplyTo, "type": m.Type,
		"content_type": m.ContentType, "content_encoding": m.Encoding, "key": m.Key, "user_id": m.UserID, "app_id": m.AppID} {
		if text != "" {
			v[name] = text
		}
	}
	if !m.Timestamp.IsZero() {
		v["timestamp"] = m.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	if m.Priority > 0 {
		v["priority"] = m.Priority
	}
	if len(m.Headers) > 0 {
		v["headers"] = m.Headers
	}
	switch body := m.Body(); {
	case json.Valid(body):
		v["body"] = json.RawMessage(body)
	case utf8.Valid(body):
		v["body"] = string(body)
	default:
		v["body_base64"] = body
	}
	return v
}
