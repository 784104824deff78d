package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/expression/internal/document"
	"github.com/eipd/eipd/eip/internal/decimal"
	"github.com/eipd/eipd/eip/internal/footprint"
)

// bounded are expr's functions that build text or lists, or take long, with what
// they build counted. Those of one line are expr's own; those below them replace
// ones that grow faster than what they are given, or are wrong without saying so.
var bounded = map[string]function{
	"upper": ofText("upper", 8, 1), "lower": ofText("lower", 8, 1), "trimPrefix": ofText("trimPrefix", 0, 0), "trimSuffix": ofText("trimSuffix", 0, 0),
	"toBase64": ofText("toBase64", 3, 2), "fromBase64": ofText("fromBase64", 4, 1), "indexOf": characters("indexOf"), "lastIndexOf": characters("lastIndexOf"),
	"hasPrefix": ofText("hasPrefix", 0, 0), "hasSuffix": ofText("hasSuffix", 0, 0), "len": ofText("len", 1, 0), "float": float,
	"first": ofItems("first"), "last": ofItems("last"), "get": ofItems("get"),
	"abs": ofNumber("abs"), "ceil": ofNumber("ceil"), "floor": ofNumber("floor"), "round": ofNumber("round"), "type": kindName,
	"duration": ofText("duration", 30, 0), "date": date, "timezone": func(e *environment, args []any) any { e.work(100_000); return ofText("timezone", 1, 0)(e, args) },
	"keys": ofList("keys", 100, 48), "values": ofList("values", 100, 48), "toPairs": ofList("toPairs", 150, 96),
	"reverse": ofList("reverse", 60, 16), "concat": ofList("concat", 60, 16), "max": outermost("max", 1), "min": outermost("min", -1),
	"mean": func(e *environment, args []any) any {
		if w := e.through(args, 1, 1); slices.ContainsFunc(args, func(a any) bool { l, _ := a.([]any); return slices.ContainsFunc(l, isList) }) {
			e.build(16 * w.values) // lists in lists are copied
		}
		return ofList("mean", 15, 0)(e, all(args, lossless).([]any))
	},
	"median": func(e *environment, args []any) any {
		e.through(args, 1, 1)
		flat := e.flatten(args, nil, 0)
		e.sorted(len(flat), 0, 10)
		return original("median", all(flat, lossless))
	},
	"sort": func(e *environment, args []any) any {
		w := e.weigh(list(args[0]))
		e.build(16 * length(args[0]))
		e.sorted(w.values, w.bytes, perElement)
		if items, ok := args[0].([]any); ok && e.exact && holdsNumber(items) {
			pairs := make([]any, len(items))
			for i, v := range items {
				pairs[i] = [2]any{v, v}
			}
			return e.sortBy(append([]any{pairs}, args[1:]...))
		}
		return original("sort", args...)
	},

	"trim":       (*environment).trim,
	"split":      parts("split"),
	"splitAfter": parts("splitAfter"),
	"repeat":     (*environment).repeat,
	"replace":    (*environment).replace,
	"join":       (*environment).join,
	"flatten":    func(e *environment, args []any) any { return e.flatten(args, nil, 0) },
	"uniq":       (*environment).uniq,
	"slice":      (*environment).slice,
	"sortBy":     (*environment).sortBy,
	"fromPairs":  (*environment).fromPairs,
	"string":     (*environment).string,
	"int":        (*environment).int,
	"toJSON":     (*environment).toJSON,
	"fromJSON":   (*environment).fromJSON,
	"captures":   (*environment).captures,
}

// keeps are those that take numbers as they are written.
var keeps = map[string]bool{"string": true, "int": true, "float": true, "toJSON": true, "uniq": true, "flatten": true, "concat": true, "max": true, "min": true, "type": true, "fromPairs": true}

// original calls expr's own function.
func original(name string, args ...any) any {
	f := builtin.Builtins[builtin.Index[name]]
	switch {
	case f.Fast != nil:
		return f.Fast(args[0])
	case f.Safe != nil:
		v, _, err := f.Safe(args...)
		check(err)
		return v
	}
	v, err := f.Func(args...)
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// ofText is a function of a text, or of what has next to none, with what it takes
// and makes for each byte.
func ofText(name string, steps, bytes int) function {
	return func(e *environment, args []any) any {
		n := 0
		switch s := args[0].(type) {
		case string:
			n = len(s)
		case []byte:
			n = len(s)
		}
		e.build(bytes * n)
		e.work(perElement + steps*n)
		return original(name, args...)
	}
}

// ofList is a function of lists or a map, with what it takes and makes for each
// element.
func ofList(name string, steps, bytes int) function {
	return func(e *environment, args []any) any {
		n, text := 1, 0
		for _, a := range args {
			switch name {
			case "keys", "values", "toPairs":
				e.keys(a)
				fallthrough
			case "reverse", "concat":
				n += length(a)
			default: // those in it count too
				w := e.weigh(a)
				n, text = n+w.values, text+w.bytes
			}
		}
		e.build(bytes * n)
		e.work(steps*n + text/4)
		return original(name, args...)
	}
}

// outermost is max or min.
func outermost(name string, better int) function {
	f := ofList(name, 25, 0)
	return func(e *environment, args []any) any {
		if e.exact {
			if e.through(args, 200, 1); holdsNumber(args) {
				return e.extreme(args, better)
			}
		}
		return f(e, args)
	}
}

// ofNumber is a function that makes a float of an int, or its like.
func ofNumber(name string) function {
	return func(_ *environment, args []any) any {
		if name == "abs" && args[0] == math.MinInt {
			return negated(args[0])
		} else if name != "abs" {
			lossless(args[0])
		}
		return original(name, args...)
	}
}

// ofItems is a function that takes one item of a list or text.
func ofItems(name string) function {
	return func(e *environment, args []any) any {
		e.work(perMember)
		if len(args) > 0 {
			args[0] = e.items(args[0])
		}
		if len(args) > 1 {
			e.text(args[1])
			args[1] = key(args[1])
		}
		return original(name, args...)
	}
}

func kindName(_ *environment, args []any) any {
	if _, ok := args[0].(json.Number); ok {
		return "float"
	}
	return original("type", args...)
}

// float is expr's. It is the way to say that digits may be lost.
func float(e *environment, args []any) any {
	if n, ok := args[0].(json.Number); ok {
		e.digits(n)
		f, err := n.Float64()
		if err != nil {
			fail("the number %s is too large for 64 bits", short(string(n)))
		}
		return f
	}
	return ofText("float", 20, 0)(e, args)
}

func length(v any) int {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return r.Len()
	}
	return 0
}

// date tries many layouts, and quotes what fits none.
func date(e *environment, args []any) any {
	e.work(2000)
	for _, a := range args {
		if s, ok := a.(string); ok {
			e.work(50 * len(s))
			e.build(8 * len(s))
		}
	}
	return original("date", args...)
}

func (e *environment) trim(args []any) any {
	s, each := str(args[0]), 2
	if len(args) == 2 {
		each += len(str(args[1])) // no more than that is looked at for each byte
	}
	e.work(perElement + each*len(s))
	return original("trim", args...)
}

// parts is split or splitAfter, whose parts are counted before they are made.
func parts(name string) function {
	return func(e *environment, args []any) any {
		s := str(args[0])
		e.work(perElement + len(s))
		n := 1 + strings.Count(s, str(args[1]))
		e.build(16 * n)
		e.work(perElement * n)
		return original(name, args...)
	}
}

// size is about what a value takes, without what is in it.
func size(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		return 16 * len(v)
	case []string:
		return 16 * len(v)
	case []int:
		return 16 * len(v)
	case map[string]any:
		return 48 * len(v)
	case [][2]any:
		return 32 * len(v)
	}
	return 0
}

func (e *environment) repeat(args []any) any {
	s, n := str(args[0]), runtime.ToInt(args[1])
	if n < 0 {
		fail("repeat cannot repeat %d times", n)
	}
	if len(s) > 0 && n > maxBuilt/len(s) {
		e.build(maxBuilt + 1)
	}
	e.build(n * len(s))
	e.work(n * len(s) / 4)
	return strings.Repeat(s, n)
}

func (e *environment) replace(args []any) any {
	s, old, by, n := str(args[0]), str(args[1]), str(args[2]), -1
	if len(args) == 4 {
		n = runtime.ToInt(args[3])
	}
	e.work(perElement + len(s))
	found := strings.Count(s, old)
	if n >= 0 {
		found = min(n, found)
	}
	if len(by) > 0 && found > maxBuilt/len(by) {
		e.build(maxBuilt + 1)
	}
	e.build(len(s) + found*len(by))
	e.work(perElement*found + (len(s)+found*len(by))/2)
	return strings.Replace(s, old, by, n)
}

func (e *environment) join(args []any) any {
	glue, total := "", 0
	if len(args) == 2 {
		glue = str(args[1])
	}
	items := reflect.ValueOf(list(args[0]))
	e.build(16 * items.Len())
	e.work(perElement * items.Len())
	texts := make([]string, items.Len())
	for i := range texts {
		texts[i] = str(items.Index(i).Interface())
		if total += len(texts[i]) + len(glue); total > maxBuilt {
			break
		}
	}
	e.build(total)
	e.work(total / 2)
	return strings.Join(texts, glue)
}

// flatten makes one list of lists in lists.
func (e *environment) flatten(in, out []any, depth int) []any {
	if depth > document.MaxDepth {
		fail("a list is nested too deep")
	}
	for _, v := range in {
		e.work(perElement)
		switch l := v.(type) {
		case []any:
			out = e.flatten(l, out, depth+1)
			continue
		case nil, string, []byte:
		default:
			if r := reflect.ValueOf(v); r.Kind() == reflect.Slice || r.Kind() == reflect.Array {
				for i := range r.Len() {
					out = e.flatten([]any{r.Index(i).Interface()}, out, depth+1)
				}
				continue
			}
		}
		if depth == 0 {
			list(v)
		}
		e.build(16)
		out = append(out, v)
	}
	return out
}

// uniq drops what is in a list already. Text and numbers are looked up, all else
// is compared with each other.
func (e *environment) uniq(args []any) any {
	items := reflect.ValueOf(list(args[0]))
	seen := map[any][]any{}
	out := []any{}
next:
	for i := range items.Len() {
		v := items.Index(i).Interface()
		key := bucket(v)
		e.work(6 * perElement)
		e.text(v)
		for _, other := range seen[key] {
			e.work(perPart)
			e.compared(v, other)
			if equal(v, other) {
				continue next
			}
		}
		e.build(64)
		seen[key] = append(seen[key], v)
		out = append(out, v)
	}
	return out
}

// bucket is the same for values that are equal.
func bucket(v any) any {
	switch v.(type) {
	case string, bool, int, json.Number:
		return canonical(v)
	case float64:
		if v != v { // no key finds it again
			return nil
		}
		return canonical(v)
	}
	return nil
}

// fromPairs is expr's; of equal keys the last counts.
func (e *environment) fromPairs(args []any) any {
	items := reflect.ValueOf(list(args[0]))
	e.build(96 * items.Len())
	e.work(300 * items.Len())
	m := make(map[any]any, items.Len())
	for i := range items.Len() {
		p := reflect.ValueOf(items.Index(i).Interface())
		if k := p.Kind(); k != reflect.Slice && k != reflect.Array || p.Len() != 2 {
			fail("fromPairs takes lists of a key and a value")
		}
		k := p.Index(0).Interface()
		e.text(k)
		m[key(k)] = p.Index(1).Interface()
	}
	return m
}

// string is expr's, but gives the text of bytes, and numbers as they are written.
func (e *environment) string(args []any) any {
	var s string
	switch v := args[0].(type) {
	case string:
		return v
	case []byte:
		e.text(v)
		s = string(v)
	case float64, json.Number:
		s = textOf(v)
	default:
		e.work(3 * perElement)
		e.spelled(v, 300, 4)
		s = fmt.Sprint(v)
	}
	e.build(len(s))
	return s
}

// int is expr's, but fails for what fits none.
func (e *environment) int(args []any) any {
	e.digits(args[0])
	if f, ok := args[0].(float64); ok && !(f >= math.MinInt64 && f < math.MaxInt64) {
		fail("%v is no whole number of 64 bits", f)
	}
	switch v := args[0].(type) {
	case json.Number:
		n, err := decimal.Parse(string(v))
		check(err)
		i, ok := n.Whole().Int()
		if !ok {
			fail("%s is no whole number of 64 bits", short(string(v)))
		}
		return i
	case string:
		e.work(20 * len(v))
	}
	return original("int", args[0])
}

// toJSON is on one line, so that its result can be a line of a file.
func (e *environment) toJSON(args []any) any {
	w := e.spelled(args[0], 300, 6)
	b, _, err := content.Encode([]any{e.plain(args[0], w)})
	if err != nil {
		fail("toJSON: %v", errors.Unwrap(err))
	}
	e.build(len(b))
	return string(b[1 : len(b)-1])
}

// fromJSON reads numbers as they are read in a body.
func (e *environment) fromJSON(args []any) any {
	s := str(args[0])
	e.work(perElement + 40*len(s))
	e.build(2*len(s) + footprint.Of([]byte(s)))
	d, err := document.Parse([]byte(s))
	if err != nil {
		fail("fromJSON: %v", err)
	}
	v, exact, err := d.Whole(nil)
	check(err)
	e.saw(exact)
	return v
}
