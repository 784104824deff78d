package content

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Encode makes a body of a computed value: a string as it is, a []byte as it
// is, and anything else as JSON, which does not escape HTML and ends without a
// newline. format says which of the three it became. What JSON cannot hold is an
// error.
func Encode(v any) (body []byte, format Format, err error) {
	switch v := v.(type) {
	case string:
		return []byte(v), Text, nil
	case []byte:
		return v, Binary, nil
	}
	body, err = EncodeJSON(v)
	if err != nil {
		return nil, JSON, fmt.Errorf("encode body: %w", err)
	}
	return body, JSON, nil
}

// Key is a computed value by which something is known: text as it is, and anything else as
// JSON, so that a number is the same as its digits. nil is "".
func Key(v any) (string, error) {
	if v == nil {
		return "", nil
	}
	text, _, err := Encode(v)
	return string(text), err
}

// EncodeJSON writes any value as JSON, a string too, as Encode does.
func EncodeJSON(v any) ([]byte, error) {
	text, err := Marshal(v)
	if err == nil && bytes.Contains(text, []byte(`\ufffd`)) && holdsNoText(v) { // what the encoder writes for it
		return nil, errors.New("a text in it is no UTF-8")
	}
	return text, err
}

// Marshal is json.Marshal, but leaves <, > and & as they are.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
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
