package expression

import (
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/expr-lang/expr/builtin"

	"github.com/eipd/eipd/eip/internal/decimal"
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
	"reverse": ofList("reverse", 60, 16), "max": outermost("max", 1), "min": outermost("min", -1),
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

	"now": func(e *environment, args []any) any {
		t := e.program.limits.Clock.Now().Round(0) // as text, it would show the process's own time
		if len(args) > 0 {
			return t.In(args[0].(*time.Location))
		}
		return t
	},

	"trim":       (*environment).trim,
	"split":      parts("split"),
	"splitAfter": parts("splitAfter"),
	"repeat":     (*environment).repeat,
	"replace":    (*environment).replace,
	"join":       (*environment).join,
	"flatten":    func(e *environment, args []any) any { return e.flatten(args, []any{}, 0) },
	"concat":     (*environment).concat,
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
			case "reverse":
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
