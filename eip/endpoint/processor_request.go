package endpoint

import (
	"encoding/base64"
	"fmt"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
)

// requestLine is m as a worker reads it. What it says beside the body is what
// expressions see as message and headers.
func requestLine(id int64, m *eip.Message) ([]byte, error) {
	body, err := m.Value()
	if err != nil {
		return nil, err
	}
	history, ok := m.Headers[header.History].([]any)
	if !ok {
		history = []any{}
	}
	request := map[string]any{
		"id": id, "attempt": m.Attempt(), "headers": eip.Headers{}, "body": body,
		"message": eip.Headers{
			"id": m.ID, "correlation_id": m.CorrelationID, "reply_to": m.ReplyTo, "type": m.Type, "content_type": m.ContentType,
			"timestamp": m.Timestamp, "expiration": m.Expiration.String(), "priority": m.Priority, "key": m.Key,
			"redelivered": m.Redelivered, "channel": m.Channel, "history": history,
			"sequence": eip.Headers{"id": m.Sequence.ID, "number": m.Sequence.Number, "size": m.Sequence.Size},
		},
	}
	if m.Headers != nil {
		request["headers"] = m.Headers
	}
	raw, isBytes := body.([]byte)
	if text, isText := body.(string); isText && !utf8.ValidString(text) {
		raw, isBytes = []byte(text), true
	}
	if isBytes {
		delete(request, "body")
		request["body_base64"] = base64.StdEncoding.EncodeToString(raw)
	}
	line, err := content.Marshal(request)
	if err != nil {
		return nil, eip.Invalid(fmt.Errorf("encode for the worker: %w", err))
	}
	return append(line, '\n'), nil
}
