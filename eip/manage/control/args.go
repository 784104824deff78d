package control

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip/internal/decimal"
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
			return Errorf(BadArgs, "%s has no argument %q%s", r.Command.Command, clip(name), DidYouMean(name, k.args))
		}
	}
	return nil
}

// text reads an argument that is a string; "" where it is absent.
func (r *request) text(name string) (string, error) {
	switch v := r.Args[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", Errorf(BadArgs, "%q must be a string", name)
}

// flag reads an argument that is true or false.
func (r *request) flag(name string) (bool, error) {
	switch v := r.Args[name].(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string: // of clients whose arguments are all text
		if v == "true" || v == "false" {
			return v == "true", nil
		}
	}
	return false, Errorf(BadArgs, "%q must be true or false", name)
}

// duration reads an argument like "15m"; 0 where it is absent.
func (r *request) duration(name string, most time.Duration) (time.Duration, error) {
	if r.Args[name] == nil {
		return 0, nil
	}
	text, err := r.text(name)
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || d <= 0:
		return 0, Errorf(BadArgs, "%q must be a time like 30s, 15m or 2h", name)
	case d > most:
		return 0, Errorf(BadArgs, "%q is %v at most in this process", name, most)
	}
	return d, nil
}

// number reads an argument that is a number.
func (r *request) number(name string, absent float64) (float64, error) {
	if r.Args[name] == nil {
		return absent, nil
	}
	f, err := finite(r.digits(name))
	if err != nil {
		return 0, Errorf(BadArgs, "%q must be a number", name)
	}
	return f, nil
}

func (r *request) digits(name string) string {
	switch v := r.Args[name].(type) {
	case json.Number:
		return v.String()
	case string: // of clients whose arguments are all text
		return v
	}
	return ""
}

// whole reads an argument that is a count; 0 where it is absent.
func (r *request) whole(name string) (int64, error) {
	if _, given := r.Args[name]; !given {
		return 0, nil
	}
	digits := r.digits(name)
	_, err := finite(digits) // it is a number
	d, outOfRange := decimal.Parse(digits)
	n, ok := d.Int()
	if err != nil || outOfRange != nil || !ok || n < 1 {
		return 0, Errorf(BadArgs, "%q must be a whole number, and not less than 1", name)
	}
	return int64(n), nil
}

var errNumber = errors.New("it is no number, or out of range")

// finite reads a number as JSON writes it.
func finite(text string) (float64, error) {
	var n json.Number
	if err := json.Unmarshal([]byte(text), &n); err != nil || n == "" || text[0] == '"' {
		return 0, errNumber
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return 0, errNumber
	}
	return f, nil
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
