package expression

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/vm/runtime"

	"github.com/eipd/eipd/eip/flow/expression/internal/document"
)

// bounded are expr's functions that build text or lists, or take long, with what
// they build counted. Those of one line are expr's own; those below them replace
// ones that grow faster than what they are given, or are wrong without saying so.
var bounded = map[string]function{
	"upper": counted("upper"), "lower": counted("lower"), "trim": counted("trim"), "trimPrefix": counted("trimPrefix"),
	"trimSuffix": counted("trimSuffix"), "split": counted("split"), "splitAfter": counted("splitAfter"),
	"toBase64": counted("toBase64"), "fromBase64": counted("fromBase64"), "keys": counted("keys"), "values": counted("values"),
	"toPairs": counted("toPairs"), "fromPairs": counted("fromPairs"), "reverse": counted("reverse"), "concat": counted("concat"),
	"median": func(e *environment, args []any) any { return original("median", e.flatten(args, nil, 0)) },
	"sort":   func(e *environment, args []any) any { list(args[0]); return counted("sort")(e, args) },

	"repeat":   (*environment).repeat,
	"replace":  (*environment).replace,
	"join":     (*environment).join,
	"flatten":  func(e *environment, args []any) any { return e.flatten(args, nil, 0) },
	"uniq":     (*environment).uniq,
	"string":   (*environment).string,
	"int":      (*environment).int,
	"toJSON":   (*environment).toJSON,
	"fromJSON": (*environment).fromJSON,
}

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

func counted(name string) function {
	return func(e *environment, args []any) any {
		v := original(name, args...)
		e.build(size(v))
		return v
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
	return strings.Repeat(s, n)
}

func (e *environment) replace(args []any) any {
	s, old, by, n := str(args[0]), str(args[1]), str(args[2]), -1
	if len(args) == 4 {
		n = runtime.ToInt(args[3])
	}
	found := strings.Count(s, old)
	if n >= 0 {
		found = min(n, found)
	}
	if len(by) > 0 && found > maxBuilt/len(by) {
		e.build(maxBuilt + 1)
	}
	e.build(len(s) + found*len(by))
	return strings.Replace(s, old, by, n)
}

func (e *environment) join(args []any) any {
	glue, total := "", 0
	if len(args) == 2 {
		glue = str(args[1])
	}
	items := reflect.ValueOf(list(args[0]))
	texts := make([]string, items.Len())
	for i := range texts {
		texts[i] = str(items.Index(i).Interface())
		if total += len(texts[i]) + len(glue); total > maxBuilt {
			break
		}
	}
	e.build(total)
	return strings.Join(texts, glue)
}

// flatten makes one list of lists in lists.
func (e *environment) flatten(in, out []any, depth int) []any {
	if depth > document.MaxDepth {
		fail("a list is nested too deep")
	}
	for _, v := range in {
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
		e.step(1 + 4*len(seen[key]))
		for _, other := range seen[key] {
			if runtime.Equal(v, other) {
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
	switch v := v.(type) {
	case string, bool:
		return v
	case int:
		return float64(v)
	case float64:
		if v != v { // no key finds it again
			return nil
		}
		return v
	}
	return nil
}

// string is expr's, but gives the text of bytes, and numbers as they are written.
func (e *environment) string(args []any) any {
	var s string
	switch v := args[0].(type) {
	case string:
		return v
	case []byte:
		s = string(v)
	case float64:
		s = textOf(v)
	case []any, map[string]any:
		result(v) // not nested too deep
		s = fmt.Sprint(v)
	default:
		s = fmt.Sprint(v)
	}
	e.build(len(s))
	return s
}

// int is expr's, but fails for what fits none.
func (e *environment) int(args []any) any {
	if f, ok := args[0].(float64); ok && !(f >= math.MinInt64 && f < math.MaxInt64) {
		fail("%v is no whole number of 64 bits", f)
	}
	return original("int", args[0])
}

// toJSON is on one line, so that its result can be a line of a file.
func (e *environment) toJSON(args []any) any {
	b, err := json.Marshal(result(args[0]))
	if err != nil {
		fail("toJSON: %v", err)
	}
	e.build(len(b))
	return string(b)
}

// fromJSON reads numbers as they are read in a body.
func (e *environment) fromJSON(args []any) any {
	s := str(args[0])
	e.build(8 * len(s))
	d, err := document.Parse([]byte(s))
	if err != nil {
		fail("fromJSON: %v", err)
	}
	return d.Whole()
}
