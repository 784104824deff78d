package eip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
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
	var unsupported *json.UnsupportedTypeError
	if errors.As(err, &unsupported) { // maps whose keys are of any type: expr's groupBy
		var plain any
		if plain, err = textKeys(reflect.ValueOf(v), 0); err == nil {
			body, err = encodeJSON(plain)
		}
	}
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
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// maxDepth is how deep a computed value may be nested, which also ends a value
// that holds itself.
const maxDepth = 10_000

// textKeys copies v with all maps as map[string]any.
func textKeys(v reflect.Value, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("the value is nested too deep")
	}
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Map:
		c := make(map[string]any, v.Len())
		for entry := v.MapRange(); entry.Next(); {
			member, err := textKeys(entry.Value(), depth+1)
			if err != nil {
				return nil, err
			}
			c[fmt.Sprint(entry.Key().Interface())] = member
		}
		return c, nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		c := make([]any, v.Len())
		for i := range c {
			member, err := textKeys(v.Index(i), depth+1)
			if err != nil {
				return nil, err
			}
			c[i] = member
		}
		return c, nil
	case reflect.Invalid:
		return nil, nil
	}
	return v.Interface(), nil
}
