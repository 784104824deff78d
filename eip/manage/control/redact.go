package control

import (
	"fmt"
	"maps"
	"strings"

	"github.com/eipd/eipd/eip"
)

// redaction is what leaves the process of no message: paths like body.card and
// headers.authorization.
type redaction struct {
	body    [][]string
	headers []string
	whole   bool // the body
}

const redacted = "[redacted]"

// parseRedaction reads paths.
func parseRedaction(paths []string) (r redaction, err error) {
	for _, p := range paths {
		parts := strings.Split(p, ".")
		switch {
		case p == "body":
			r.whole = true
		case parts[0] == "body":
			r.body = append(r.body, parts[1:])
		case parts[0] == "headers" && len(parts) > 1:
			r.headers = append(r.headers, strings.Join(parts[1:], "."))
		default:
			return r, fmt.Errorf("%q is no path like body.card or headers.authorization", p)
		}
	}
	return r, nil
}

// CheckRedaction reports what is wrong with paths of Options.Redact.
func CheckRedaction(paths []string) error {
	_, err := parseRedaction(paths)
	return err
}

// of returns what may be shown of a message. A body that cannot be looked into is
// not shown where anything in bodies is redacted.
func (r *redaction) of(m *eip.Message) (eip.Headers, any) {
	headers := m.Headers
	for _, hidden := range r.headers {
		for name := range headers {
			if strings.EqualFold(name, hidden) {
				headers = maps.Clone(headers)
				headers[name] = redacted
				break
			}
		}
	}
	switch {
	case r.whole:
		return headers, redacted
	case len(r.body) == 0:
		return headers, shownBody(m.Body())
	}
	var body any
	if decode(m.Body(), &body) != nil {
		return headers, redacted
	}
	for _, path := range r.body {
		body = hide(body, path)
	}
	return headers, body
}

// hide replaces what a path leads to, in every element of a list on the way.
func hide(v any, path []string) any {
	if len(path) == 0 {
		return redacted
	}
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if path[0] == "*" || strings.EqualFold(name, path[0]) {
				v[name] = hide(inner, path[1:])
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = hide(inner, path)
		}
	}
	return v
}
