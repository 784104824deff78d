package deadletter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/eipd/eipd/eip"
)

// An Edit says what is changed in a letter. Paths are like body.total, headers.x and
// type; headers have values as an Export has them.
type Edit struct {
	Set   []Assignment
	Unset []string
	Body  *[]byte // nil: the one that it has, or that with Set
	Raw   bool    // a body that was JSON may be something else
}

// An Assignment gives a path a value.
type Assignment struct {
	Path  string
	Value json.RawMessage
}

// properties are what can be changed of a message beside body and headers.
var properties = map[string]func(*eip.Message) *string{
	"type":           func(m *eip.Message) *string { return &m.Type },
	"key":            func(m *eip.Message) *string { return &m.Key },
	"content_type":   func(m *eip.Message) *string { return &m.ContentType },
	"correlation_id": func(m *eip.Message) *string { return &m.CorrelationID },
	"reply_to":       func(m *eip.Message) *string { return &m.ReplyTo },
}

// Apply returns m with the changes, and the paths of those that made a difference. Errors
// say no values.
func (e Edit) Apply(m *eip.Message) (edited *eip.Message, changed []string, err error) {
	was := m
	if e.Body != nil {
		m = m.WithBody(*e.Body)
		if !bytes.Equal(m.Body(), was.Body()) {
			changed = append(changed, "body")
		}
	}
	for _, a := range e.Set {
		m, err = e.change(m, a.Path, a.Value, &changed)
		if err != nil {
			return nil, nil, err
		}
	}
	for _, path := range e.Unset {
		m, err = e.change(m, path, nil, &changed)
		if err != nil {
			return nil, nil, err
		}
	}
	if !e.Raw && isJSON(was) && !isJSON(m) {
		return nil, nil, errors.New("the body was JSON, and would not be any more; raw lets it be something else")
	}
	if len(changed) == 0 {
		return nil, nil, errors.New("nothing is changed")
	}
	return m, changed, nil
}

// change sets a path, or removes it where there is no value.
func (e Edit) change(m *eip.Message, path string, value json.RawMessage, changed *[]string) (*eip.Message, error) {
	root, rest, deep := strings.Cut(path, ".")
	property := properties[path]
	to, err := m, error(nil)
	switch {
	case root == "body" && deep:
		to, err = changeBody(m, strings.Split(rest, "."), value)
	case path == "body" && value != nil:
		to = withContent(m, value)
	case root == "headers" && deep:
		to, err = changeHeader(m, rest, value)
	case property != nil:
		var text string
		if value != nil {
			err = json.Unmarshal(value, &text)
		}
		to = m.With(func(m *eip.Message) { *property(m) = text })
	default:
		err = errors.New("it is no path like body.total, headers.x, type, key, content_type, correlation_id or reply_to")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if to != m {
		*changed = append(*changed, path)
	}
	return to, nil
}

func changeBody(m *eip.Message, path []string, value json.RawMessage) (*eip.Message, error) {
	was, err := m.Fork(nil).Content()
	if err != nil {
		return nil, err
	}
	is, err := changeJSON(was, path, value)
	if err != nil || bytes.Equal(is, was) {
		return m, err
	}
	return withContent(m, is), nil
}

// withContent is m with another body, which is not encoded any more.
func withContent(m *eip.Message, body []byte) *eip.Message {
	return m.WithBody(body).With(func(m *eip.Message) { m.Encoding = "" })
}

func changeHeader(m *eip.Message, name string, value json.RawMessage) (*eip.Message, error) {
	if len(name) >= 4 && strings.EqualFold(name[:4], "eip-") {
		return nil, errors.New("headers that begin with eip- are eipd's own")
	}
	if value == nil {
		if _, there := m.Headers[name]; !there {
			return nil, errors.New("there is no such header")
		}
		return m.Without(name), nil
	}
	v, err := importValue(value)
	if err != nil {
		return nil, err
	}
	return m.WithHeader(name, alike(v, m.Headers[name])), nil
}

// alike gives a whole number the type that another has, where it fits.
func alike(v, other any) any {
	n, whole := v.(int64)
	if !whole {
		return v
	}
	switch other.(type) {
	case int:
		return int(n)
	case int32:
		if n == int64(int32(n)) {
			return int32(n)
		}
	case int16:
		if n == int64(int16(n)) {
			return int16(n)
		}
	case float64:
		return float64(n)
	}
	return v
}

func isJSON(m *eip.Message) bool {
	content, err := m.Fork(nil).Content()
	return err == nil && json.Valid(content)
}

// digest is a hash of a message's own headers, properties and body.
func digest(m *eip.Message) string {
	h := sha256.New()
	headers, _ := exportHeaders(m.Revived().Headers) // what cannot be written is not told apart
	text, _ := json.Marshal(headers)
	for _, part := range []string{m.Type, m.Key, m.ContentType, m.CorrelationID, m.ReplyTo, m.Encoding, string(text), string(m.Body())} {
		add(h, part)
	}
	return hex.EncodeToString(h.Sum(nil))
}
