package eip

import (
	"fmt"
	"unicode/utf8"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/footprint"
)

// decoded is what Value keeps of a payload.
type decoded struct {
	value any
	err   error
}

// Value returns m's body decoded by its content type, as expressions see it: JSON
// as nil, bool, string, []any, map[string]any and, of numbers, what [content.ParseNumber]
// makes of them; text as a string; anything else as []byte. A body that is not what its content type says makes
// the message invalid.
//
// The body is decoded once for all copies of m that share it, so the result must
// not be changed.
func (m *Message) Value() (any, error) {
	d := Derive(m, decode)
	return d.value, d.err
}

func decode(m *Message) decoded {
	body, err := m.Content()
	if err != nil {
		return decoded{nil, err}
	}
	switch content.FormatOf(m.ContentType) {
	case content.JSON:
		v, err := decodeJSON(m, body)
		if err != nil {
			err = Invalid(fmt.Errorf("decode body as %s: %w%s", m.ContentType, err, encodedAs(m.Encoding)))
		}
		return decoded{v, err}
	case content.Text:
		return decoded{string(body), nil}
	case content.Unstated:
		if v, err := decodeJSON(m, body); err == nil {
			return decoded{v, nil}
		}
		if utf8.Valid(body) {
			return decoded{string(body), nil}
		}
	}
	return decoded{body, nil}
}

func encodedAs(encoding string) string {
	if encoding == "" {
		return ""
	}
	return fmt.Sprintf(" (its content encoding is %q, which is not undone)", encoding)
}

// decodeJSON counts what it makes among what m's flow holds.
func decodeJSON(m *Message, body []byte) (any, error) {
	size := footprint.Of(body)
	if size > footprint.Most {
		return nil, footprint.ErrMost
	}
	m.receipt.charge(int64(size))
	return content.DecodeJSON(body)
}
