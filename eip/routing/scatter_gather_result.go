package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// raw is a body as JSON: text and bytes are strings, the latter in base64.
func raw(m *eip.Message) (json.RawMessage, error) {
	body, err := m.Content()
	if err != nil {
		return nil, err
	}
	switch format := content.FormatOf(m.ContentType); {
	case format == content.JSON:
		if err := content.CheckJSON(body); err != nil {
			return nil, eip.Invalid(fmt.Errorf("decode body as %s: %w", m.ContentType, err))
		}
		return body, nil // with the digits that it has
	case format == content.Unstated && content.CheckJSON(body) == nil:
		return body, nil
	case format != content.Binary && utf8.Valid(body):
		return content.AppendText(nil, body), nil
	}
	return json.Marshal(append([]byte{}, body...)) // not null
}

// appendKnown appends what raw has returned of m, without blanks.
func appendKnown(b []byte, m *eip.Message) ([]byte, error) {
	if content.FormatOf(m.ContentType) != content.JSON {
		body, err := raw(m)
		return appendCompact(b, body), err
	}
	body, err := m.Content() // which was checked before
	return appendCompact(b, body), err
}

// appendCompact appends a JSON text that is valid without the blanks outside its strings.
func appendCompact(b, text []byte) []byte {
	from, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case !inString && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			b = append(b, text[from:i]...)
			from = i + 1
		}
	}
	return append(b, text[from:]...)
}

// document is what expressions see as replies and missing.
func (g *gathering) document() *eip.Message {
	got := g.got
	if got == nil {
		got = []answer{}
	}
	body, err := json.Marshal(struct {
		Replies []answer `json:"replies"`
		Missing []string `json:"missing"`
	}{got, g.missing()})
	if err != nil { // a body that says that it is JSON was read, so it is
		body = []byte(`{"replies":[],"missing":[]}`)
	}
	return document(body)
}

// result is the message with what was gathered.
func (g *gathering) result(ctx context.Context) (*eip.Message, error) {
	s := g.stage
	if s.Body != nil {
		v, err := s.Body(ctx, g.message, g.document())
		if err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
		return g.message.WithValue(v, "")
	}
	bodies := make([]json.RawMessage, len(g.got))
	for i, a := range g.got {
		bodies[i] = a.Body
	}
	list, err := json.Marshal(bodies)
	if err != nil {
		return nil, eip.Invalid(err)
	}
	return g.message.WithBody(list).With(asJSON), nil
}
