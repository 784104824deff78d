package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/headervalue"
)

// An Export is a message, such as a dead letter, as JSON, with everything that it holds:
// Import makes the same message of it again. Headers are as in the envelopes of the stage
// wrap: {"$int32": "5"}.
type Export struct {
	ID            string                     `json:"id,omitempty"` // the letter's
	Queue         string                     `json:"queue,omitempty"`
	Redacted      bool                       `json:"redacted,omitempty"` // something is missing: it cannot be imported
	MessageID     string                     `json:"message_id,omitempty"`
	CorrelationID string                     `json:"correlation_id,omitempty"`
	ReplyTo       string                     `json:"reply_to,omitempty"`
	Type          string                     `json:"type,omitempty"`
	ContentType   string                     `json:"content_type,omitempty"`
	Encoding      string                     `json:"content_encoding,omitempty"`
	Key           string                     `json:"key,omitempty"`
	UserID        string                     `json:"user_id,omitempty"`
	AppID         string                     `json:"app_id,omitempty"`
	Timestamp     time.Time                  `json:"timestamp,omitzero"`
	Expiration    time.Duration              `json:"expiration_ns,omitempty"`
	Priority      uint8                      `json:"priority,omitempty"`
	Delivery      eip.DeliveryMode           `json:"delivery,omitempty"`
	Sequence      *eip.Sequence              `json:"sequence,omitempty"`
	Headers       map[string]json.RawMessage `json:"headers,omitempty"`
	Body          *string                    `json:"body,omitempty"`        // where it is text in UTF-8
	Bytes         []byte                     `json:"body_base64,omitempty"` // else
}

// ExportOf is a message as JSON.
func ExportOf(m *eip.Message) (Export, error) {
	e := Export{MessageID: m.ID, CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, Type: m.Type, ContentType: m.ContentType, Encoding: m.Encoding, Key: m.Key,
		UserID: m.UserID, AppID: m.AppID, Timestamp: m.Timestamp, Expiration: m.Expiration, Priority: m.Priority, Delivery: m.Delivery}
	if m.Sequence != (eip.Sequence{}) {
		e.Sequence = &m.Sequence
	}
	if body := m.Body(); utf8.Valid(body) {
		text := string(body)
		e.Body = &text
	} else {
		e.Bytes = body
	}
	var err error
	if e.Headers, err = exportHeaders(m.Headers); err != nil {
		return e, fmt.Errorf("export message: %w", err)
	}
	return e, nil
}

// Save writes a message as an Export, in a line. Headers that JSON cannot hold are missing,
// and the line then says so.
func Save(to io.Writer, m *eip.Message) error {
	e, err := ExportOf(m)
	e.Redacted = err != nil
	_, err = to.Write(append(asJSON(e), '\n'))
	return err
}

// Import makes the message.
func (e Export) Import() (*eip.Message, error) {
	if e.Redacted {
		return nil, errors.New("what the process redacts is missing in it; it cannot be put back")
	}
	body := e.Bytes
	if e.Body != nil {
		body = []byte(*e.Body)
	}
	headers, err := importHeaders(e.Headers)
	if err != nil {
		return nil, err
	}
	m := eip.New(body, nil)
	m.ID, m.CorrelationID, m.ReplyTo, m.Type, m.ContentType, m.Encoding, m.Key = e.MessageID, e.CorrelationID, e.ReplyTo, e.Type, e.ContentType, e.Encoding, e.Key
	m.UserID, m.AppID, m.Timestamp, m.Expiration, m.Priority, m.Delivery, m.Headers = e.UserID, e.AppID, e.Timestamp, e.Expiration, e.Priority, e.Delivery, headers
	if e.Sequence != nil {
		m.Sequence = *e.Sequence
	}
	return m, nil
}

// ReadExport reads what an Export was written as.
func ReadExport(line []byte) (e Export, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e, fmt.Errorf("it is no exported letter: %w", err)
	}
	return e, nil
}

// exportHeaders are headers as JSON; where one cannot be, the others, and why.
func exportHeaders(h eip.Headers) (all map[string]json.RawMessage, failed error) {
	if h == nil {
		return nil, nil
	}
	all = make(map[string]json.RawMessage, len(h))
	for name, v := range h {
		told, err := headervalue.ToJSON(v)
		if err != nil {
			failed = fmt.Errorf("header %.100q: %w", name, err)
			continue
		}
		all[name] = asJSON(told)
	}
	return all, failed
}

func importHeaders(all map[string]json.RawMessage) (h eip.Headers, err error) {
	if all == nil {
		return nil, nil
	}
	h = make(eip.Headers, len(all))
	for name, raw := range all {
		if h[name], err = importValue(raw); err != nil {
			return nil, fmt.Errorf("header %.100q: %w", name, err)
		}
	}
	return h, nil
}

func importValue(raw []byte) (any, error) {
	v, err := content.DecodeJSON(raw)
	if err != nil {
		return nil, err
	}
	return headervalue.FromJSON(v)
}
