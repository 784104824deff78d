package eip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Format is how the bytes of a body are read.
type Format int

// The formats.
const (
	FormatUnstated Format = iota // JSON where it is valid JSON, else text where it is UTF-8, else bytes
	FormatJSON                   // application/json, text/json, and all types that end in +json
	FormatText                   // any other text type
	FormatBinary                 // anything else
)

// FormatOf tells the format from a content type.
func FormatOf(contentType string) Format {
	if contentType == "" {
		return FormatUnstated
	}
	base, _, _ := strings.Cut(contentType, ";")
	base = strings.TrimSpace(base)
	switch {
	case strings.EqualFold(base, "application/json"), strings.EqualFold(base, "text/json"),
		len(base) > 5 && strings.EqualFold(base[len(base)-5:], "+json"):
		return FormatJSON
	case len(base) > 5 && strings.EqualFold(base[:5], "text/"):
		return FormatText
	}
	return FormatBinary
}

// decoded is what Value keeps of a payload.
type decoded struct {
	value any
	err   error
}

// Value returns m's body decoded by its content type, as expressions see it: JSON
// as nil, bool, int, float64, string, []any and map[string]any, where a number
// without fraction or exponent is an int if 64 bits hold it; text as a string;
// anything else as []byte. A body that is not what its content type says makes
// the message invalid.
//
// The body is decoded once for all copies of m that share it, so the result must
// not be changed.
func (m *Message) Value() (any, error) {
	d := Derive(m, decode)
	return d.value, d.err
}

func decode(m *Message) decoded {
	body := m.Body()
	switch FormatOf(m.ContentType) {
	case FormatJSON:
		v, err := decodeJSON(body)
		if err != nil {
			err = Invalid(fmt.Errorf("decode body as %s: %w%s", m.ContentType, err, encodedAs(m.Encoding)))
		}
		return decoded{v, err}
	case FormatText:
		return decoded{string(body), nil}
	case FormatUnstated:
		if v, err := decodeJSON(body); err == nil {
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

// decodeJSON reads exactly one JSON text. The standard library's decoder refuses
// what is nested deeper than 10 000.
func decodeJSON(body []byte) (any, error) {
	if i := invalidUTF8(body); i >= 0 {
		return nil, fmt.Errorf("invalid UTF-8 at byte %d", i+1)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, whereJSON(err, len(body))
	}
	rest := body[d.InputOffset():]
	if more := bytes.TrimLeft(rest, " \t\r\n"); len(more) > 0 {
		return nil, fmt.Errorf("something follows the JSON text at byte %d", len(body)-len(more)+1)
	}
	return numbers(v)
}

// whereJSON says at which byte, counted from 1, reading stopped.
func whereJSON(err error, size int) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%w at byte %d", err, syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("unexpected end of JSON input after byte %d", size)
	}
	return err
}

func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// numbers makes ints and floats of all numbers in v, in place.
func numbers(v any) (_ any, err error) {
	switch v := v.(type) {
	case json.Number:
		return number(string(v))
	case []any:
		for i := range v {
			if v[i], err = numbers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k, member := range v {
			if v[k], err = numbers(member); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func number(s string) (any, error) {
	if i, err := strconv.Atoi(s); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %.40s does not fit 64 bits", s)
	}
	return f, nil
}
