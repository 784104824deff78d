package flowtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/internal/regular"
)

// optional is a text that may be set to nothing.
type optional struct {
	set  bool
	text string
}

// UnmarshalText sets it.
func (o *optional) UnmarshalText(text []byte) error {
	o.set, o.text = true, string(text)
	return nil
}

// mismatch says what of a message is not as a block says; nothing: all is.
func (r *rig) mismatch(b *matchBlock, m *eip.Message, way *step) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	lines = append(lines, r.wrongBody(b, m)...)
	for _, name := range sorted(b.Headers) {
		got, there := m.Headers[name]
		switch d := difference("headers."+name, b.Headers[name], plainHeader(got)); {
		case !there:
			add("headers.%s: %s was expected, and there is no such header", name, shown(b.Headers[name]))
		case d != nil:
			lines = append(lines, d...)
		}
	}
	for _, name := range b.Without {
		if v, there := m.Headers[name]; there {
			add("headers.%s: it was not expected, and is %s", name, shown(plainHeader(v)))
		}
	}
	for _, p := range []struct {
		name string
		want optional
		got  string
	}{{"id", b.ID, m.ID}, {"key", b.Key, m.Key}, {"type", b.Type, m.Type}, {"content_type", b.ContentType, m.ContentType}, {"correlation_id", b.CorrelationID, m.CorrelationID}, {"reply_to", b.ReplyTo, m.ReplyTo}} {
		if p.want.set && p.want.text != p.got {
			add("%s: %q was expected, %q came", p.name, p.want.text, p.got)
		}
	}
	if b.Expiration != 0 && b.Expiration != m.Expiration {
		add("expiration: %v was expected, %v came", b.Expiration, m.Expiration)
	}
	if b.If != nil {
		if why := r.untrue(b.If, m); why != "" {
			add("if: %s", why)
		}
	}
	if b.Unchanged {
		lines = append(lines, changes(way, m)...)
	}
	return append(r.hide(lines), strayed(b, way)...)
}

func (r *rig) wrongBody(b *matchBlock, m *eip.Message) (lines []string) {
	text := string(m.Body())
	if want, ok := b.Body.(string); ok {
		lines = append(lines, textDifference("body", want, text)...)
	} else if b.Body != nil {
		lines = append(lines, jsonDifference(b.Body, m.Body(), difference)...)
	}
	if b.Has != nil {
		lines = append(lines, jsonDifference(b.Has, m.Body(), lacking)...)
	}
	if b.Text.set {
		lines = append(lines, textDifference("text", b.Text.text, text)...)
	}
	if b.Matches != "" && !regexp.MustCompile(b.Matches).Match(m.Body()) {
		lines = append(lines, fmt.Sprintf("matches: the body does not match %q; it is %s", b.Matches, clip(text)))
	}
	if b.Golden != "" {
		lines = append(lines, r.golden(b.Golden, m.Body())...)
	}
	return lines
}

// golden compares a body with a file, or writes it there.
func (r *rig) golden(name string, body []byte) []string {
	path := r.test.beside(name)
	want, err := regular.ReadFile(path, mostBody)
	if r.update && !bytes.Equal(want, body) {
		if err := os.WriteFile(path, body, 0o666); err != nil {
			return []string{fmt.Sprintf("golden: %s cannot be written: %v", name, err)}
		}
		return nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []string{fmt.Sprintf("golden: there is no file %s; --update writes it", name)}
	case err != nil:
		return []string{fmt.Sprintf("golden: %s cannot be read: %v", name, err)}
	case bytes.Equal(want, body):
		return nil
	case !utf8.Valid(want) || !utf8.Valid(body):
		return []string{fmt.Sprintf("golden: the body differs from %s: it has %d bytes, and the file %d", name, len(body), len(want))}
	}
	return textDifference("golden "+name, string(want), string(body))
}

// untrue says why an expression is not true of m; "": it is.
func (r *rig) untrue(if_ eip.Merge, m *eip.Message) string {
	reply := eip.New(nil, nil)
	if r.first != nil {
		v, err := r.first.Value()
		if err != nil {
			v = string(r.first.Body())
		}
		if reply, err = reply.WithValue(map[string]any{"sent": map[string]any{"body": v, "headers": map[string]any(r.first.Headers)}}, ""); err != nil {
			return err.Error()
		}
	} else {
		reply, _ = reply.WithValue(map[string]any{"sent": nil}, "")
	}
	v, err := if_(context.Background(), m, reply)
	switch {
	case err != nil:
		return err.Error()
	case v == true:
		return ""
	}
	return fmt.Sprintf("the expression is %s; the body is %s", shown(v), clip(string(m.Body())))
}

// changes says what of a message is not as it came into the test.
func changes(way *step, m *eip.Message) (lines []string) {
	first := way.first()
	if first == nil || first.message == nil {
		return []string{"unchanged: it was made in the flows, and not sent"}
	}
	was := first.message
	if !bytes.Equal(was.Body(), m.Body()) {
		lines = append(lines, textDifference("unchanged body", string(was.Body()), string(m.Body()))...)
	}
	before, now := theirs(was.Headers), theirs(m.Headers)
	for _, name := range sorted(over(before, now)) {
		if !reflect.DeepEqual(before[name], now[name]) {
			lines = append(lines, fmt.Sprintf("unchanged headers.%s: it was %s, and is %s", name, shown(before[name]), shown(now[name])))
		}
	}
	return lines
}

// theirs are headers but for those that eipd itself writes.
func theirs(h eip.Headers) eip.Headers {
	h = maps.Clone(h)
	maps.DeleteFunc(h, func(name string, _ any) bool { return strings.HasPrefix(name, "eip-") })
	return h
}

// strayed says where a message passed, or did not, against what a block says.
func strayed(b *matchBlock, way *step) (lines []string) {
	passed := way.way()
	from := 0
	for _, address := range b.Via {
		i := slices.Index(passed[from:], address)
		if i < 0 {
			lines = append(lines, fmt.Sprintf("via: it did not pass %s; its way was %s", address, way))
			break
		}
		from += i + 1
	}
	for _, address := range b.NotVia {
		if slices.Contains(passed, address) {
			lines = append(lines, fmt.Sprintf("not_via: it passed %s; its way was %s", address, way))
		}
	}
	return lines
}

// plainHeader is a header's value as a setting says it.
func plainHeader(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case time.Duration:
		return v.String()
	case eip.Headers:
		return map[string]any(v)
	case []byte:
		return string(v)
	case fmt.Stringer:
		return v.String()
	}
	return v
}
