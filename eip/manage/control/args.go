package control

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/internal/decimal"
	"github.com/eipd/eipd/internal/nearest"
)

// What a command's arguments are, is read here and nowhere else, whatever way they
// came by. Numbers are kept as they were written until then.

// takes refuses a target where the command has none, and arguments that it does not
// know.
func (k *command) takes(r *request) error {
	if k.alone && r.Target != "" {
		return Errorf(BadArgs, "%s takes no target", r.Command.Command)
	}
	if k.args == nil { // the attributes of a stage
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Args)) {
		if !slices.Contains(k.args, name) {
			return Errorf(BadArgs, "%s has no argument %q%s", r.Command.Command, clip(name), nearest.Hint(name, k.args))
		}
	}
	return nil
}

// refuse notes what is wrong with an argument; the first that is wrong counts. A command
// looks at r.wrong when it has read them all.
func (r *request) refuse(format string, args ...any) {
	if r.wrong == nil {
		r.wrong = Errorf(BadArgs, format, args...)
	}
}

// text reads an argument that is a string; "" where it is absent.
func (r *request) text(name string) string {
	text, ok := r.Args[name].(string)
	if !ok && r.Args[name] != nil {
		r.refuse("%q must be a string", name)
	}
	return text
}

// object reads an argument that is an object of at most so many bytes of JSON.
func (r *request) object(name string, most int) map[string]any {
	v := r.Args[name]
	if text, ok := v.(string); ok && decode([]byte(text), &v) != nil { // of clients whose arguments are all text
		v = text
	}
	object, ok := v.(map[string]any)
	if !ok && v != nil {
		r.refuse("%q must be an object, like {\"size\": 3}", name)
	}
	if raw, err := json.Marshal(object); err != nil || len(raw) > most {
		r.refuse("%q has more than %d bytes", name, most)
	}
	return object
}

// flag reads an argument that is true or false.
func (r *request) flag(name string) bool {
	switch v := r.Args[name]; v {
	case nil, false, "false": // of clients whose arguments are all text
		return false
	case true, "true":
		return true
	}
	r.refuse("%q must be true or false", name)
	return false
}

// duration reads an argument like "15m"; 0 where it is absent.
func (r *request) duration(name string, most time.Duration) time.Duration {
	if r.Args[name] == nil {
		return 0
	}
	d, err := time.ParseDuration(r.text(name))
	switch {
	case err != nil || d <= 0:
		r.refuse("%q must be a time like 30s, 15m or 2h", name)
	case d > most:
		r.refuse("%q is %v at most in this process", name, most)
	}
	return d
}

// number reads an argument that is a number.
func (r *request) number(name string, absent float64) float64 {
	if r.Args[name] == nil {
		return absent
	}
	f, ok := finite(digits(r.Args[name]))
	if !ok {
		r.refuse("%q must be a number", name)
	}
	return f
}

// digits are a number as it was written, and a text is itself; "" is neither.
func digits(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string: // of clients whose arguments are all text
		return v
	}
	return ""
}

// whole reads an argument that is a count; 0 where it is absent.
func (r *request) whole(name string) int64 {
	if _, given := r.Args[name]; !given {
		return 0
	}
	text := digits(r.Args[name])
	_, number := finite(text)
	d, err := decimal.Parse(text)
	n, ok := d.Int()
	if !number || err != nil || !ok || n < 1 {
		r.refuse("%q must be a whole number, and not less than 1", name)
	}
	return int64(n)
}

// upTo is whole, of at most so many.
func (r *request) upTo(name string, most, absent int64) int {
	n := cmp.Or(r.whole(name), absent)
	if n > most {
		r.refuse("%q may be %d at most", name, most)
	}
	return int(n)
}

// list reads an argument that is a list of texts, or one of them. Numbers are taken as they
// were written; "" stands for what is no text.
func (r *request) list(name string) (all []string) {
	given, isList := r.Args[name].([]any)
	if !isList && r.Args[name] != nil {
		given = []any{r.Args[name]}
	}
	for _, v := range given {
		all = append(all, digits(v))
	}
	return all
}

// finite reads a number as JSON writes it, which is not out of range.
func finite(text string) (float64, bool) {
	var f *float64
	if json.Unmarshal([]byte(text), &f) != nil || f == nil {
		return 0, false
	}
	return *f, true
}

// plain makes numbers of json.Numbers: whole ones where they are written so. One
// that would become another is refused.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i, nil
		}
		n, err := decimal.Parse(v.String())
		f, ok := n.Float()
		if err != nil || !ok || !strings.ContainsAny(v.String(), ".eE") {
			return nil, Errorf(BadArgs, "the number %s is out of range, or has more digits than 64 bits hold", clip(v.String()))
		}
		return f, nil
	case map[string]any:
		all := make(map[string]any, len(v))
		for name, e := range v {
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			all[name] = p
		}
		return all, nil
	case []any:
		all := make([]any, len(v))
		for i, e := range v {
			p, err := plain(e)
			if err != nil {
				return nil, err
			}
			all[i] = p
		}
		return all, nil
	}
	return v, nil
}
