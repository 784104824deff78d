package transform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// Unwrap takes messages out of the envelopes that wrap made, or others: CloudEvents in JSON
// (structured), CloudEvents whose attributes are headers (binary), and JSON objects whose
// member body is the body. What is no envelope is invalid.
type Unwrap struct{}

// NewUnwrap returns an Unwrap.
func NewUnwrap() *Unwrap { return &Unwrap{} }

// Pattern names what the stage is.
func (*Unwrap) Pattern() string { return "Envelope Wrapper" }

// Process passes on what is in the envelope.
func (u *Unwrap) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	c, err := unwrap(m)
	if err != nil {
		return eip.Invalid(fmt.Errorf("unwrap: %w", err))
	}
	return next.Handle(ctx, c)
}

func unwrap(m *eip.Message) (*eip.Message, error) {
	if prefix := binaryPrefix(m); prefix != "" {
		return fromHeaders(m, prefix)
	}
	text, err := jsonOf(m)
	if err != nil {
		return nil, err
	}
	if err := content.CheckJSON(text); err != nil {
		return nil, err
	}
	var o opened
	if json.Unmarshal(text, &o) != nil || o == nil {
		return nil, errors.New("the body is no map")
	}
	if _, event := o["specversion"]; event {
		return fromEvent(m, o)
	}
	if o["body"] == nil && o["body_base64"] == nil {
		return nil, errors.New("it is no envelope, as it has no body in it")
	}
	c := bare(m)
	if err := o.disclose(c); err != nil {
		return nil, err
	}
	return o.filled(c, "body")
}

// bare is a copy of m to fill. What its own body is says nothing of that in the envelope.
func bare(m *eip.Message) *eip.Message {
	return m.With(func(c *eip.Message) { c.ContentType, c.Encoding = "", "" })
}

// filled is c with the body that is in the envelope.
func (o opened) filled(c *eip.Message, name string) (*eip.Message, error) {
	body, err := o.body(name, c.ContentType)
	if err != nil {
		return nil, err
	}
	return c.WithBody(body), nil
}
