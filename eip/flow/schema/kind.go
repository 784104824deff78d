package schema

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
)

// A Kind is what an attribute holds.
type Kind string

// The kinds, by the words that documentation uses for them.
const (
	String     Kind = "string"
	Bool       Kind = "bool"
	Int        Kind = "whole number"
	Float      Kind = "number"
	Duration   Kind = "duration"
	Size       Kind = "size"
	Enum       Kind = "one of"
	ReadText   Kind = "text" // whatever its UnmarshalText reads
	Strings    Kind = "list of strings"
	StringMap  Kind = "map of strings"
	Any        Kind = "any value"
	AnyMap     Kind = "map"
	Predicate  Kind = "expression: boolean"
	Value      Kind = "expression"
	Text       Kind = "expression: text"
	Names      Kind = "expression: name, or list of names"
	List       Kind = "expression: list"
	Number     Kind = "expression: number"
	Time       Kind = "expression: time"
	Priority   Kind = "expression: number or nil"
	Lifetime   Kind = "expression: duration, number or nil"
	Merge      Kind = "expression of body and reply"
	Values     Kind = "map of expressions"
	Program    Kind = "string or expression"
	Handler    Kind = "channel or adapter, or a list"
	Targets    Kind = "list of channels and adapters"
	References Kind = "reference" // *[]-typed options of the language itself
)

// Expression reports whether it is one expression.
func (k Kind) Expression() bool { return strings.HasPrefix(string(k), "expression") }

// merges are all names that an eip.Merge sees which sees members of its reply, by the option
// of its tag.
var merges = map[string][]string{
	"replies": {"body", "headers", "message", "replies", "missing"},
	"results": {"body", "headers", "message", "results", "failures"},
	"part":    {"body", "headers", "message", "part", "index"},
	"sent":    {"body", "headers", "message", "sent"},
}

// narrower are what an eip.Value gives, by the option of its tag.
var narrower = map[string]Kind{"names": Names, "list": List, "number": Number, "time": Time, "priority": Priority, "lifetime": Lifetime}

// settable are the kinds that may be Live, and what a wrong value of one is.
var settable = map[Kind]string{Bool: "neither true nor false", Int: "no whole number, or too large", Float: "no number",
	Duration: "no duration like 500ms, 5s or 1h30m", Enum: "none of its options", String: "no string"}

type enum interface{ Options() []string }

var (
	pipeType        = reflect.TypeFor[eip.Pipe]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	exact           = map[reflect.Type]Kind{
		reflect.TypeFor[time.Duration]():        Duration,
		reflect.TypeFor[eip.Bytes]():            Size,
		reflect.TypeFor[eip.Predicate]():        Predicate,
		reflect.TypeFor[eip.Value]():            Value,
		reflect.TypeFor[eip.Text]():             Text,
		reflect.TypeFor[eip.Merge]():            Merge,
		reflect.TypeFor[map[string]eip.Value](): Values,
		reflect.TypeFor[adapter.Program]():      Program,
		reflect.TypeFor[eip.Handler]():          Handler,
		reflect.TypeFor[[]eip.Target]():         Targets,
		reflect.TypeFor[[]string]():             Strings,
		reflect.TypeFor[map[string]string]():    StringMap,
		reflect.TypeFor[map[string]any]():       AnyMap,
		reflect.TypeFor[any]():                  Any,
	}
)

// A Reference is an option type of the language's own blocks that names other
// blocks: the decoder gives it what it found.
type Reference interface {
	// ReferenceKinds says what it may name: "queue", "topic", "adapter", "broker".
	ReferenceKinds() []string
}

// A Seer is an option type that is an expression of its own names: of body, headers and
// message, and of members of the reply of an eip.Merge.
type Seer interface {
	// Sees are all the names that it sees.
	Sees() []string
	// Compiled sets the expression. reads are the members of the reply that it reads, and
	// their members as far as these are named.
	Compiled(m eip.Merge, reads []string)
}

// A Decider is a Seer whose expression gives true or false.
type Decider interface {
	Seer
	// Decides are those members of the reply that may be true or false by themselves.
	Decides() []string
}

var (
	referenceType = reflect.TypeFor[Reference]()
	seerType      = reflect.TypeFor[Seer]()
)

// seesOf returns the names that an option of a type sees, or a map of such; nil where it is
// no Seer.
func seesOf(t reflect.Type) []string {
	if t.Kind() == reflect.Map && t.Key().Kind() == reflect.String {
		t = t.Elem()
	}
	if !reflect.PointerTo(t).Implements(seerType) {
		return nil
	}
	return reflect.New(t).Interface().(Seer).Sees()
}

// seen is the kind of an expression of such names.
func seen(names []string) Kind {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "headers" || n == "message" })
	last := len(names) - 1
	if last == 0 {
		return Kind("expression of " + names[0])
	}
	return Kind("expression of " + strings.Join(names[:last], ", ") + " and " + names[last])
}

func kindOf(t reflect.Type) (Kind, bool) {
	if k, ok := exact[t]; ok {
		return k, true
	}
	if t.Implements(referenceType) || reflect.PointerTo(t).Implements(referenceType) {
		return References, true
	}
	if names := seesOf(t); names != nil {
		if t.Kind() == reflect.Map {
			return Values, true
		}
		return seen(names), true
	}
	if e, ok := reflect.Zero(t).Interface().(enum); ok && t.Kind() == reflect.String && len(e.Options()) > 0 {
		return Enum, true
	}
	if reflect.PointerTo(t).Implements(unmarshalerType) {
		return ReadText, true
	}
	switch t.Kind() {
	case reflect.String:
		return String, true
	case reflect.Bool:
		return Bool, true
	case reflect.Int, reflect.Int64, reflect.Int32:
		return Int, true
	case reflect.Float64:
		return Float, true
	}
	return "", false
}
