package control

import (
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
)

// Bounds of peek.
const (
	mostPeeked = 1000             // messages that are looked at at once
	peekLasts  = 10 * time.Second // until all of them are told of
)

// peek is the command of that name: it shows the first messages that wait in a queue,
// and gives them back.
func (s *Server) peek(r *request) (any, error) {
	most := max(r.whole("count"), 1)
	if most > mostPeeked {
		r.refuse("\"count\" may be %d at most", mostPeeked)
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	if err := s.isQueue(r); err != nil {
		return nil, err
	}
	src, err := s.Process.Source(r.ctx, r.Target, int(most))
	if err != nil {
		return nil, err
	}
	seen, err := int64(0), error(nil)
	for seen < most && err == nil {
		m, idle, failed := receiveSoon(r.ctx, src)
		if m == nil {
			if !idle {
				err = failed
			}
			break
		}
		seen++
		if !s.stream(r, View(s.redact.look(m, nil).message())) {
			break // the asker is gone
		}
	}
	// Closing gives back what was not settled, in its order.
	if err = errors.Join(err, src.Close()); err != nil {
		return nil, Errorf(Failed, "%d messages were seen: %v", seen, err)
	}
	return Peeked{seen}, nil
}

// Peeked is the last result of peek; those before it are messages.
type Peeked struct {
	Seen int64 `json:"seen"`
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
