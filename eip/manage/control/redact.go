package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/internal/secret"
)

// redaction is what leaves the process of no message: paths like body.card and
// headers.authorization.
type redaction struct {
	body, headers [][]string
	whole         bool // the body
}

const (
	redacted     = "[redacted]"
	mostLookedAt = 1 << 20 // bytes of a body; a longer one is not shown where parts are redacted
	mostScrubbed = 1000    // values that are looked for in an error
)

// parseRedaction reads paths.
func parseRedaction(paths []string) (r redaction, err error) {
	for _, p := range paths {
		switch root, path, deep := strings.Cut(p, "."); {
		case p == "body":
			r.whole = true
		case root == "body" && deep:
			r.body = append(r.body, strings.Split(path, "."))
		case root == "headers" && deep:
			r.headers = append(r.headers, strings.Split(path, "."))
		default:
			return r, fmt.Errorf("%q is no path like body.card or headers.authorization", p)
		}
	}
	return r, nil
}

// none reports whether all may be seen.
func (r *redaction) none() bool { return len(r.body)+len(r.headers) == 0 && !r.whole }

// CheckRedaction reports what is wrong with paths of Options.Redact.
func CheckRedaction(paths []string) error {
	_, err := parseRedaction(paths)
	return err
}

// A view is what may be seen of a message.
type view struct {
	of      *eip.Message
	headers eip.Headers
	how     int
	body    any    // of a redactedBody
	content []byte // of the body, where it could be looked into
}

// How much of a body is seen.
const (
	wholeBody = iota
	redactedBody
	noBody
)

// look returns what may be seen of a message. A body that cannot be looked into is
// not seen where anything in bodies is redacted. hidden is told what is not seen.
func (r *redaction) look(m *eip.Message, hidden func(any)) view {
	if hidden == nil {
		hidden = func(any) {}
	}
	v := view{of: m, headers: m.Headers}
	for _, path := range r.headers {
		v.headers, _ = hide(v.headers, path, hidden).(eip.Headers)
	}
	if r.whole || len(r.body) > 0 {
		v.content = contentOf(m)
	}
	switch {
	case r.whole, len(r.body) > 0 && decode(v.content, &v.body) != nil:
		v.how = noBody
	case len(r.body) > 0:
		v.how = redactedBody
		for _, path := range r.body {
			v.body = hide(v.body, path, hidden)
		}
	}
	for name, text := range v.headers { // that were written where this was not in force
		if text, ok := text.(string); ok && (name == header.Error || name == header.Stripped) {
			v.headers = maps.Clone(v.headers)
			v.headers[name] = r.scrub(m.Without(name), text)
		}
	}
	return v
}

// contentOf is what expressions read as the body; nil where there is too much of it, or
// it cannot be read.
func contentOf(m *eip.Message) []byte {
	b, err := m.Fork(nil).Content()
	if err != nil || len(b) > mostLookedAt {
		return nil
	}
	return b
}

// shown is the body for answers.
func (v view) shown() any {
	switch v.how {
	case redactedBody:
		return v.body
	case noBody:
		return redacted
	}
	return shownBody(v.of.Body())
}

// message is what is seen as a message, to evaluate expressions on.
func (v view) message() *eip.Message {
	m := v.of.Fork(nil) // what is made of it is none of the flow's
	switch {
	case v.how == redactedBody:
		text, _ := json.Marshal(v.body) // it was JSON
		m = m.WithBody(text)
	case v.how == noBody && content.FormatOf(m.ContentType) == content.JSON:
		m = m.WithBody([]byte(`"` + redacted + `"`))
	case v.how == noBody:
		m = m.WithBody([]byte(redacted))
	}
	return m.With(func(m *eip.Message) {
		m.Headers = v.headers
		if v.how != wholeBody {
			m.Encoding = ""
		}
	})
}

// error returns the error that a message failed with, without what is redacted.
func (r *redaction) error(m *eip.Message, err error) error {
	if err == nil || m == nil || r.none() {
		return err
	}
	if text := r.scrub(m, err.Error()); text != err.Error() {
		return scrubbed{text, err}
	}
	return err
}

type scrubbed struct {
	text string
	err  error
}

func (s scrubbed) Error() string { return s.text }
func (s scrubbed) Unwrap() error { return s.err }

// words are what is looked for in a body that cannot be looked into.
var words = regexp.MustCompile(`[\pL\pN_]{3,}|[0-9]+`)

// scrub hides in a text the values of a message that are redacted; of a body that is
// not seen at all, every word.
func (r *redaction) scrub(m *eip.Message, text string) string {
	var values secret.Set
	var all []string
	v := r.look(m, func(v any) { all = leaves(v, all) })
	if len(all) > mostScrubbed || v.how == noBody && v.content == nil && len(m.Body()) > 0 {
		return redacted
	}
	values.Add(all...)
	text = values.Hide(text)
	if v.how != noBody {
		return text
	}
	return words.ReplaceAllStringFunc(text, func(word string) string {
		if bytes.Contains(v.content, []byte(word)) {
			return redacted
		}
		return word
	})
}

// leaves appends the texts and numbers in a value, as errors write them.
func leaves(v any, to []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			to = leaves(e, to)
		}
	case eip.Headers:
		return leaves(map[string]any(v), to)
	case []any:
		for _, e := range v {
			to = leaves(e, to)
		}
	case json.Number:
		to = append(to, v.String())
		if f, err := v.Float64(); err == nil {
			to = append(to, fmt.Sprint(f), strconv.FormatFloat(f, 'f', -1, 64))
		}
	case []byte:
		to = append(to, string(v))
	case nil, bool:
	default:
		to = append(to, fmt.Sprint(v))
	}
	return to
}

// hide returns v without what a path leads to, in every element of a list on the
// way. Names are compared without case, and every spelling is meant; one may have
// dots in it.
func hide(v any, path []string, hidden func(any)) any {
	if len(path) == 0 {
		hidden(v)
		return redacted
	}
	switch v := v.(type) {
	case map[string]any:
		return hideMember(v, path, hidden)
	case eip.Headers:
		return eip.Headers(hideMember(v, path, hidden))
	case []any:
		list := slices.Clone(v)
		for i := range list {
			list[i] = hide(list[i], path, hidden)
			if _, err := strconv.Atoi(path[0]); err == nil || path[0] == "*" {
				list[i] = hide(list[i], path[1:], hidden)
			}
		}
		return list
	}
	return v
}

func hideMember(object map[string]any, path []string, hidden func(any)) map[string]any {
	object = maps.Clone(object)
	for name := range object {
		for n := 1; n <= len(path); n++ {
			if strings.EqualFold(name, strings.Join(path[:n], ".")) || n == 1 && path[0] == "*" {
				object[name] = hide(object[name], path[n:], hidden)
			}
		}
	}
	return object
}
