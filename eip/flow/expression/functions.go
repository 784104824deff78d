package expression

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/expr-lang/expr/builtin"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// The functions that nodes of ours call. Their names cannot be written in an
// expression.
const (
	readWhole   = "read whole"
	readPlace   = "read place"
	readHeaders = "read headers"
	readHeader  = "read header"
	takeStep    = "take step"
	nestDeeper  = "nest deeper"
	checkList   = "check list"
	passNumber  = "pass number"
	passItems   = "pass items"
	groupKey    = "group key"
	pairUp      = "pair up"
	negate      = "negate"
	passList    = "pass list"
	passText    = "pass text"
	passKey     = "pass key"
	passIndex   = "pass index"
	passLayout  = "pass layout"
	add         = "add"
	inRange     = "in range"
	matches     = "match"
)

// A function is given the evaluation it runs in.
type function func(e *environment, args []any) any

// inner are the functions by the names above, and expr's own that are bounded in
// bounded.go, as "bounded NAME".
var inner = map[string]function{
	readWhole:   func(e *environment, args []any) any { return e.whole(args[0].(string)) },
	readPlace:   func(e *environment, args []any) any { return e.read(args[0].(*place)) },
	readHeader:  func(e *environment, args []any) any { return e.header(args[0].(string)) },
	readHeaders: func(e *environment, _ []any) any { return e.headers() },
	takeStep:    func(e *environment, args []any) any { e.work(args[0].(int)); return nil },
	nestDeeper:  func(e *environment, args []any) any { e.nest(args[0].(int)); return nil },
	checkList:   func(_ *environment, args []any) any { return list(args[0]) },
	passList:    func(e *environment, args []any) any { e.work(length(list(args[0])) * perElement); return args[0] },
	passText:    func(e *environment, args []any) any { e.text(args[0]); return args[0] },
	passKey:     func(e *environment, args []any) any { e.key(args[0]); return args[0] },
	passIndex:   func(e *environment, args []any) any { return e.index(args[0]) },
	passLayout:  func(e *environment, args []any) any { e.layout(args[0]); return args[0] },
	add:         func(e *environment, args []any) any { return e.add(args[0], args[1]) },
	passNumber:  func(e *environment, args []any) any { e.digits(args[0]); return numeric(args[0]) },
	passItems:   func(e *environment, args []any) any { return e.items(args[0]) },
	groupKey:    func(e *environment, args []any) any { e.key(args[0]); return key(args[0]) },
	pairUp:      func(_ *environment, args []any) any { return [2]any{args[0], args[1]} },
	negate:      func(e *environment, args []any) any { e.digits(args[0]); return negated(args[0]) },
	inRange: func(e *environment, args []any) any {
		e.digits(args[0])
		return within(args[0], args[1].(int), args[2].(int))
	},
}

// functions is what expr is told: those above, and those of its own that it can
// write in several ways. It tries all ways of a call for each way of the calls in
// it, so that a few calls in one another would take for ever; with a signature of
// ours it does not.
var functions = map[string]*builtin.Function{}

// counted are operators that count what they look at, by the names above.
var counted = map[string]func(e *environment, a, b any) bool{}

func init() {
	for operator, f := range comparisons {
		if costly := cost[operator]; costly != nil {
			counted[boundedName(operator)] = func(e *environment, a, b any) bool {
				costly(e, a, b)
				return f(a, b)
			}
		}
	}
	counted[boundedName("in")] = (*environment).in
	counted[matches] = (*environment).match
	for name, f := range counted {
		inner[name] = func(e *environment, args []any) any { return f(e, args[0], args[1]) }
	}
	for name, f := range bounded {
		if keeps[name] {
			inner[boundedName(name)] = f
			continue
		}
		inner[boundedName(name)] = func(e *environment, args []any) any {
			for i, a := range args {
				e.digits(a)
				if n, ok := a.(json.Number); ok {
					args[i] = numeric(n)
				}
			}
			return f(e, args)
		}
	}
	for operator, f := range arithmetic {
		inner[boundedName(operator)] = func(e *environment, args []any) any {
			e.digits(args[0])
			e.digits(args[1])
			return f(args[0], args[1])
		}
	}
	for name, f := range inner {
		functions[name] = &builtin.Function{
			Name: name,
			Func: func(args ...any) (any, error) {
				e, ok := args[0].(*environment)
				if !ok { // see around
					e, args[1] = args[1].(*environment), args[0]
				}
				return f(e, args[1:]), nil
			},
		}
	}
	functions[readHeaders].Types = []reflect.Type{reflect.TypeFor[func(*environment) map[string]any]()}
	for name, s := range signatures {
		functions[name] = &builtin.Function{
			Name:     name,
			Func:     func(...any) (any, error) { return nil, fmt.Errorf("%s is not bounded", name) },
			Validate: func(args []reflect.Type) (reflect.Type, error) { return s.validate(name, args) },
		}
	}
}

func boundedName(name string) string { return "bounded " + name }

// A signature is how a function may be called.
type signature struct {
	result reflect.Type
	least  int            // arguments, of those in kinds
	kinds  []reflect.Kind // Slice stands for any list
}

var signatures = map[string]signature{
	"trim":       {stringType, 1, []reflect.Kind{reflect.String, reflect.String}},
	"trimPrefix": {stringType, 1, []reflect.Kind{reflect.String, reflect.String}},
	"trimSuffix": {stringType, 1, []reflect.Kind{reflect.String, reflect.String}},
	"split":      {reflect.TypeFor[[]string](), 2, []reflect.Kind{reflect.String, reflect.String, reflect.Int}},
	"splitAfter": {reflect.TypeFor[[]string](), 2, []reflect.Kind{reflect.String, reflect.String, reflect.Int}},
	"replace":    {stringType, 3, []reflect.Kind{reflect.String, reflect.String, reflect.String, reflect.Int}},
	"join":       {stringType, 1, []reflect.Kind{reflect.Slice, reflect.String}},
	"captures":   {reflect.TypeFor[map[string]any](), 2, []reflect.Kind{reflect.String, reflect.String}},
	"sort":       {listType, 1, []reflect.Kind{reflect.Slice, reflect.String}},
}

var (
	stringType = reflect.TypeFor[string]()
	listType   = reflect.TypeFor[[]any]()
)

func (s signature) validate(name string, args []reflect.Type) (reflect.Type, error) {
	if len(args) < s.least {
		return nil, fmt.Errorf("not enough arguments to call %s", name)
	}
	if len(args) > len(s.kinds) {
		return nil, fmt.Errorf("too many arguments to call %s", name)
	}
	for i, t := range args {
		switch {
		case t == nil:
			return nil, fmt.Errorf("%q does not take nil", name)
		case t.Kind() == reflect.Interface || t.Kind() == s.kinds[i]:
		case s.kinds[i] == reflect.Slice && t.Kind() == reflect.Array:
		default:
			return nil, fmt.Errorf("%q takes %s here, and not %s", name, content.TypeName(kindTypes[s.kinds[i]]), content.TypeName(t))
		}
	}
	return s.result, nil
}

var kindTypes = map[reflect.Kind]reflect.Type{
	reflect.String: stringType, reflect.Slice: listType, reflect.Int: reflect.TypeFor[int](),
}

// header returns one header.
func (e *environment) header(name string) any {
	v := e.m.Headers[name]
	switch v.(type) {
	case []any, map[string]any, eip.Headers:
		e.through(map[string]any(eip.Headers{name: v}), perElement, 0)
	}
	v = plainValue(v)
	e.saw(holdsNumber(v))
	return v
}

// headers returns them all.
func (e *environment) headers() map[string]any {
	if e.all == nil {
		all, _ := normal(e.m.Headers, 0)
		if e.all = all.(map[string]any); e.all == nil {
			e.all = map[string]any{}
		}
		e.inAll = holdsNumber(e.all)
	}
	e.saw(e.inAll)
	return e.all
}
