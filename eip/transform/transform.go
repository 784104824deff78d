package transform

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/internal/headervalue"
)

func init() { eip.Stages.Add("transform", func() eip.Stage { return NewTransform() }) }

// Transform is the Message Translator: it computes a new body, headers and
// properties for each message. All expressions see the message as it came.
type Transform struct {
	// Body computes the new body. Text and bytes are written as they are, anything
	// else as JSON; the content type follows, unless content_type sets it.
	Body eip.Value `flow:"body"`
	// Headers computes headers by their names. One that gives nil removes the header.
	Headers map[string]eip.Value `flow:"headers"`
	// Remove lists headers to take away, before headers are set.
	Remove []string `flow:"remove"`
	// Type computes the message's type.
	Type eip.Text `flow:"type"`
	// Key computes the key: the routing key, which a topic's patterns select by.
	Key eip.Text `flow:"key"`
	// ContentType computes the content type.
	ContentType eip.Text `flow:"content_type"`
	// CorrelationID computes the Correlation Identifier.
	CorrelationID eip.Text `flow:"correlation_id"`
	// ReplyTo computes the Return Address.
	ReplyTo eip.Text `flow:"reply_to"`
	// Format is the Format Indicator, such as order/v2. It goes into the header eip-format,
	// by which a branch of content_router takes messages.
	Format string `flow:"format"`
	// Priority computes the priority, from 0 to 255. nil is none.
	Priority eip.Value `flow:"priority,priority"`
	// Expiration computes how long the message may wait in a channel: a duration such
	// as '90s', or a number of milliseconds. 0 and less is not at all, nil is for ever.
	Expiration eip.Value `flow:"expiration,lifetime"`
}

// NewTransform returns a Transform that changes nothing.
func NewTransform() *Transform { return &Transform{} }

// Pattern names what the stage is.
func (*Transform) Pattern() string { return "Message Translator" }

// Process passes on what m becomes.
func (t *Transform) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	c, err := t.translateBody(ctx, m) // a copy of our own
	if err != nil {
		return err
	}
	if c.Headers, err = t.translateHeaders(ctx, m); err != nil {
		return err
	}
	t.allowCopies(c, m)
	c.Status = m.Status || t.Headers[header.Status] != nil
	for _, p := range properties {
		compute := p.option(t)
		if compute == nil {
			continue
		}
		if *p.of(c), err = compute(ctx, m); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if err := t.deliver(ctx, c, m); err != nil {
		return err
	}
	return next.Handle(ctx, c)
}

// allowCopies notes that the flow writes a routing list. One that it does not write
// must not go out along with it.
func (t *Transform) allowCopies(c, m *eip.Message) {
	lists := []string{"CC", "BCC"}
	if !slices.ContainsFunc(lists, func(name string) bool { return t.Headers[name] != nil }) {
		return
	}
	for _, name := range lists {
		if !m.Copies && t.Headers[name] == nil {
			delete(c.Headers, name)
		}
	}
	c.Copies = true
}

// properties are those that an expression sets, but for the content type.
var properties = []struct {
	name   string
	option func(*Transform) eip.Text
	of     func(*eip.Message) *string
}{
	{"type", func(t *Transform) eip.Text { return t.Type }, func(m *eip.Message) *string { return &m.Type }},
	{"key", func(t *Transform) eip.Text { return t.Key }, func(m *eip.Message) *string { return &m.Key }},
	{"correlation_id", func(t *Transform) eip.Text { return t.CorrelationID }, func(m *eip.Message) *string { return &m.CorrelationID }},
	{"reply_to", func(t *Transform) eip.Text { return t.ReplyTo }, func(m *eip.Message) *string { return &m.ReplyTo }},
}

// translateBody returns a copy of m with its new body and content type.
func (t *Transform) translateBody(ctx context.Context, m *eip.Message) (_ *eip.Message, err error) {
	contentType := ""
	if t.ContentType != nil {
		if contentType, err = t.ContentType(ctx, m); err != nil {
			return nil, fmt.Errorf("content_type: %w", err)
		}
	}
	setType := func(c *eip.Message) {
		if t.ContentType != nil {
			c.ContentType = contentType
		}
	}
	if t.Body == nil {
		return m.With(setType), nil
	}
	body, err := t.Body(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	c, err := m.WithValue(body, contentType)
	if err != nil {
		return nil, err
	}
	setType(c)
	return c, nil
}

// translateHeaders returns m's headers as changed; the same map where nothing is.
func (t *Transform) translateHeaders(ctx context.Context, m *eip.Message) (eip.Headers, error) {
	if len(t.Headers) == 0 && len(t.Remove) == 0 && t.Format == "" {
		return m.Headers, nil
	}
	headers := make(eip.Headers, len(m.Headers)+len(t.Headers))
	maps.Copy(headers, m.Headers)
	for _, name := range t.Remove {
		delete(headers, name)
	}
	for name, compute := range t.Headers {
		computed, err := compute(ctx, m)
		if err == nil {
			computed, err = headervalue.Of(computed)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("headers.%s: %w", name, err)
		case computed == nil:
			delete(headers, name)
		default:
			headers[name] = computed
		}
	}
	if t.Format != "" {
		headers[header.Format] = t.Format
	}
	return headers, nil
}
