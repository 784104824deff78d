package eip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// EncodeBody makes a body of a computed value: a string as it is, a []byte as it
// is, and anything else as JSON, which does not escape HTML and ends without a
// newline. format says which of the three it became. What JSON cannot hold is an
// invalid-message error.
func EncodeBody(v any) (body []byte, format Format, err error) {
	switch v := v.(type) {
	case string:
		return []byte(v), FormatText, nil
	case []byte:
		return v, FormatBinary, nil
	}
	body, err = encodeJSON(v)
	if err != nil {
		return nil, FormatJSON, Invalid(fmt.Errorf("encode body: %w", err))
	}
	return body, FormatJSON, nil
}

// WithValue returns a copy of m whose body is v as [EncodeBody] makes it.
//
// contentType is its type, where it is not "". Otherwise text keeps a type that is
// one of text, and becomes text/plain; charset=utf-8 in place of any other; bytes
// become application/octet-stream; and both stay without a type where m has none.
// JSON becomes application/json. The content encoding of the old body is gone.
func (m *Message) WithValue(v any, contentType string) (*Message, error) {
	body, format, err := EncodeBody(v)
	if err != nil {
		return nil, err
	}
	if contentType == "" {
		contentType = contentTypeOf(format, m.ContentType)
	}
	c := m.WithBody(body)
	c.ContentType, c.Encoding = contentType, ""
	return c, nil
}

func contentTypeOf(format Format, was string) string {
	switch {
	case format == FormatJSON:
		return "application/json"
	case was == "", format == FormatText && FormatOf(was) == FormatText:
		return was
	case format == FormatText:
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	if bytes.Contains(b.Bytes(), []byte(`\ufffd`)) && holdsNoText(v) { // what the encoder writes for it
		return nil, errors.New("a text in it is no UTF-8")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// holdsNoText reports whether a string in v is no UTF-8.
func holdsNoText(v any) bool {
	switch v := v.(type) {
	case string:
		return !utf8.ValidString(v)
	case []any:
		return slices.ContainsFunc(v, holdsNoText)
	case map[string]any:
		for k, member := range v {
			if !utf8.ValidString(k) || holdsNoText(member) {
				return true
			}
		}
	}
	return false
}
