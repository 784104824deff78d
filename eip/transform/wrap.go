package transform

import (
	"context"
	"maps"
	"strings"

	"github.com/eipd/eipd/eip"
)

func init() {
	eip.Stages.Add("wrap", func() eip.Stage { return NewWrap() })
	eip.Stages.Add("unwrap", func() eip.Stage { return NewUnwrap() })
}

// Wrap puts messages into envelopes: what a message has beside its body becomes a part of
// the body, so that it gets through what knows bodies only. Unwrap takes it out again.
type Wrap struct {
	// As is the kind of envelope: a JSON object of eipd's own, or a CloudEvent.
	As Envelope `flow:"as"`
	// Source is where a CloudEvent comes from, a URI reference. Without it, /FLOW.
	Source string `flow:"source"`
	// Type is that of the CloudEvents of messages that have no type.
	Type string `flow:"type"`
}

// Envelope is a kind of envelope.
type Envelope string

// The kinds of envelopes.
const (
	JSONEnvelope Envelope = "json"
	CloudEvents  Envelope = "cloudevents"
)

// Options returns the kinds.
func (Envelope) Options() []string { return []string{string(JSONEnvelope), string(CloudEvents)} }

// NewWrap returns a Wrap that makes JSON.
func NewWrap() *Wrap { return &Wrap{As: JSONEnvelope, Type: "message"} }

// Pattern names what the stage is.
func (*Wrap) Pattern() string { return "Envelope Wrapper" }

// Validate checks the options.
func (w *Wrap) Validate() error {
	switch {
	case w.As != JSONEnvelope && w.As != CloudEvents:
		return eip.OptionErrorf("as", "must be json or cloudevents")
	case w.As == JSONEnvelope && w.Source != "":
		return eip.OptionErrorf("source", "it is of CloudEvents only")
	case w.Type == "":
		return eip.OptionErrorf("type", "a CloudEvent needs one")
	}
	return nil
}

// Open takes the flow's name for a source.
func (w *Wrap) Open(_ context.Context, env *eip.Env) error {
	if w.Source == "" && w.As == CloudEvents {
		w.Source = "/" + env.Flow
	}
	return nil
}

// Process passes on the envelope of m. Its properties stay, and its headers are in the
// envelope only, but for those that eipd reads.
func (w *Wrap) Process(ctx context.Context, m *eip.Message, next eip.Handler) error {
	e, err := enclose(m)
	if err != nil {
		return err
	}
	contentType, text := "application/json", []byte(nil)
	if w.As == CloudEvents {
		contentType = cloudEvent
		text, err = w.event(m, e)
	} else {
		text, err = e.write(m, "body")
	}
	if err != nil {
		return err
	}
	return next.Handle(ctx, m.WithBody(text).With(func(c *eip.Message) {
		c.ContentType, c.Encoding = contentType, ""
		c.Headers = maps.Clone(m.Headers)
		maps.DeleteFunc(c.Headers, func(name string, _ any) bool { return !strings.HasPrefix(name, "eip-") })
		c.Copies, c.Status = false, false
	}))
}
