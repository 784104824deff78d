package transform

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/headervalue"
	"github.com/eipd/eipd/eip/internal/sequence"
)

// An envelope is a message as members of a JSON object, beside its body.
type envelope map[string]any

// texts are the properties that are text. The user id is none of them: a broker vouches
// for that, and an envelope does not.
var texts = []struct {
	name string
	of   func(*eip.Message) *string
}{
	{"id", func(m *eip.Message) *string { return &m.ID }},
	{"correlation_id", func(m *eip.Message) *string { return &m.CorrelationID }},
	{"reply_to", func(m *eip.Message) *string { return &m.ReplyTo }},
	{"type", func(m *eip.Message) *string { return &m.Type }},
	{"content_type", func(m *eip.Message) *string { return &m.ContentType }},
	{"content_encoding", func(m *eip.Message) *string { return &m.Encoding }},
	{"key", func(m *eip.Message) *string { return &m.Key }},
	{"app_id", func(m *eip.Message) *string { return &m.AppID }},
}

var deliveries = map[eip.DeliveryMode]string{eip.Transient: "transient", eip.Persistent: "persistent"}

// enclose makes an envelope of all that m has beside its body.
func enclose(m *eip.Message) (envelope, error) {
	e := envelope{}
	for _, t := range texts {
		text := *t.of(m)
		if !utf8.ValidString(text) {
			return nil, eip.Invalid(fmt.Errorf("%s is no UTF-8 text", t.name))
		}
		if text != "" {
			e[t.name] = text
		}
	}
	if !m.Timestamp.IsZero() {
		e["timestamp"] = m.Timestamp
	}
	if m.Expiration != 0 {
		e["expiration"] = m.Expiration.String()
	}
	if m.Priority != 0 {
		e["priority"] = m.Priority
	}
	if m.Delivery != eip.Unsaid {
		e["delivery"] = deliveries[m.Delivery]
	}
	all := eip.Headers{}
	sequence.Write(m.Sequence, func(name string, v any) { all[name] = v })
	for name, v := range m.Headers {
		all[name] = v
	}
	headers := map[string]any{}
	for name, v := range all {
		told, err := headervalue.ToJSON(v)
		if err == nil && !utf8.ValidString(name) {
			err = errors.New("its name is no UTF-8 text")
		}
		if err != nil {
			return nil, eip.Invalid(fmt.Errorf("header %q: %w", name, err))
		}
		headers[name] = told
	}
	if len(headers) > 0 {
		e["headers"] = headers
	}
	return e, nil
}

// write writes the envelope around m's body, which is there as it is where it is JSON, as a
// text where it is said to be one, and else in base64. CloudEvents call it data.
func (e envelope) write(m *eip.Message, name string) ([]byte, error) {
	body, raw := m.Body(), []byte(nil)
	switch {
	case isJSON(m):
		raw = body
	case m.Encoding == "" && content.FormatOf(m.ContentType) == content.Text && utf8.Valid(body):
		e[name] = string(body)
	default:
		e[name+"_base64"] = base64.StdEncoding.EncodeToString(body)
	}
	text, err := content.Marshal(e)
	switch {
	case err != nil:
		return nil, eip.Invalid(fmt.Errorf("write envelope: %w", err))
	case raw == nil:
		return text, nil
	}
	between := []byte(`"` + name + `":`)
	if len(e) > 0 {
		between = append([]byte{','}, between...)
	}
	return slices.Concat(text[:len(text)-1], between, raw, []byte{'}'}), nil
}

// isJSON reports whether a body can stand in JSON as it is.
func isJSON(m *eip.Message) bool {
	return m.Encoding == "" && content.MayBeJSON(m.ContentType) == nil && content.CheckJSON(m.Body()) == nil
}

// opened are the members of an envelope, as they are written.
type opened map[string]json.RawMessage

// disclose has c, which is a copy, be what the envelope says. Of what it does not say c
// keeps its own.
func (o opened) disclose(c *eip.Message) error {
	for _, t := range texts {
		if err := o.read(t.name, t.of(c)); err != nil {
			return err
		}
	}
	var expiration, delivery string
	if err := o.read("timestamp", &c.Timestamp); err != nil {
		return err
	}
	if err := o.read("priority", &c.Priority); err != nil {
		return err
	}
	if err := o.read("expiration", &expiration); err != nil {
		return err
	}
	if err := o.read("delivery", &delivery); err != nil {
		return err
	}
	if expiration != "" {
		var err error
		if c.Expiration, err = time.ParseDuration(expiration); err != nil {
			return fmt.Errorf("expiration: %w", err)
		}
	}
	for mode, name := range deliveries {
		if name == delivery {
			c.Delivery = mode
		}
	}
	return o.headers(c)
}

// headers adds those of the envelope. None that eipd reads is believed, as of any message
// from outside.
func (o opened) headers(c *eip.Message) error {
	raw, there := o["headers"]
	if !there {
		return nil
	}
	v, err := content.DecodeJSON(raw)
	if err != nil {
		return fmt.Errorf("headers: %w", err)
	}
	table, ok := v.(map[string]any)
	if !ok {
		return errors.New("headers are no map")
	}
	headers := make(eip.Headers, len(table))
	for name, v := range table {
		if headers[name], err = headervalue.FromJSON(v); err != nil {
			return fmt.Errorf("header %.40q: %w", name, err)
		}
	}
	if s := sequence.Read(func(name string) any { return headers[name] }); s != (eip.Sequence{}) {
		c.Sequence = s
	}
	add(c, headers)
	return nil
}

// add sets headers that come from outside. The flow has written none of them.
func add(c *eip.Message, headers eip.Headers) {
	*c = *c.WithHeaders(headers.FromOutside())
	c.Copies, c.Status = false, false
}

// read decodes a member into what into points to, where it is there.
func (o opened) read(name string, into any) error {
	raw, there := o[name]
	if !there {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s is of another type than it should be", name)
	}
	return nil
}

// body is what the envelope holds of a content type.
func (o opened) body(name, contentType string) (body []byte, err error) {
	raw, there := o[name]
	switch {
	case there && raw[0] == '"' && content.MayBeJSON(contentType) != nil:
		var text string
		err := o.read(name, &text)
		return []byte(text), err
	case there:
		return bytes.Clone(raw), nil
	}
	err = o.read(name+"_base64", &body)
	return body, err
}
