package expression

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
)

// A kind is what an expression is for. One that sees more than a message is the list of
// all names that it sees.
type kind string

const (
	predicate kind = "predicate"
	value     kind = "value"
	text      kind = "text"
	nameList  kind = "name list"
	aList     kind = "list"
	aNumber   kind = "number"
	aTime     kind = "time"
	aPriority kind = "priority"
	aLifetime kind = "lifetime"
	merge     kind = "body headers message reply"
)

// sees are the names that an expression of a kind sees.
func (k kind) sees() []string {
	switch k {
	case predicate, value, text, nameList, aList, aNumber, aTime, aPriority, aLifetime:
		return []string{"body", "headers", "message"}
	}
	return strings.Fields(strings.TrimPrefix(string(k), string(predicate)+" "))
}

// decides reports whether an expression of a kind gives true or false.
func (k kind) decides() bool {
	return k == predicate || strings.HasPrefix(string(k), string(predicate)+" ")
}

// members are those of the names that are members of the reply.
func (k kind) members() []string {
	return slices.DeleteFunc(k.sees(), func(name string) bool {
		return slices.Contains([]string{"body", "headers", "message", "reply"}, name)
	})
}

// Predicate compiles an expression that decides. One whose result is known not to
// be a boolean does not compile; where it shows only when a message comes, that
// message is invalid, nil included.
func Predicate(source string, limits ...*Limits) (eip.Predicate, error) {
	return of(source, predicate, limits, (*program).decide)
}

// Glance compiles a predicate for who only looks on: an evaluation may use a
// hundredth of what others may.
func Glance(source string) (eip.Predicate, error) {
	return of(source, predicate, nil, func(p *program, e *environment) bool {
		e.left, e.built = e.left/100, maxBuilt-maxBuilt/100
		e.machine.MemoryBudget = maxElements / 100
		defer func() { e.machine.MemoryBudget = maxElements }()
		return p.decide(e)
	})
}

// Value compiles an expression that computes anything.
func Value(source string, limits ...*Limits) (eip.Value, error) {
	return of(source, value, limits, (*program).compute)
}

// Names compiles an expression that computes a name or a list of names. One whose
// result is known to be neither does not compile; what it gives for a message is
// the caller's to check.
func Names(source string, limits ...*Limits) (eip.Value, error) {
	return of(source, nameList, limits, (*program).compute)
}

// List compiles an expression that computes a list. One whose result is known to be none
// does not compile; what it gives for a message is the caller's to check.
func List(source string, limits ...*Limits) (eip.Value, error) {
	return of(source, aList, limits, (*program).compute)
}

// Number compiles an expression that computes a number, as List does a list.
func Number(source string, limits ...*Limits) (eip.Value, error) {
	return of(source, aNumber, limits, (*program).compute)
}

// Time compiles an expression that computes a time, or text that is one, as List does a list.
func Time(source string, limits ...*Limits) (eip.Value, error) {
	return of(source, aTime, limits, (*program).compute)
}

// Priority compiles an expression that computes a number or nil, as List does a list.
func Priority(source string, limits ...*Limits) (eip.Value, error) {
	return of(source, aPriority, limits, (*program).compute)
}

// Lifetime compiles an expression that computes a duration, text that is one, a number or
// nil, as List does a list.
func Lifetime(source string, limits ...*Limits) (eip.Value, error) {
	return of(source, aLifetime, limits, (*program).compute)
}

// Text compiles an expression that computes a string. Numbers, booleans, times and
// durations become text, bytes must be UTF-8, nil is the empty string; a list or
// map makes the message invalid.
func Text(source string, limits ...*Limits) (eip.Text, error) {
	return of(source, text, limits, func(p *program, e *environment) string { return textOf(p.run(e)) })
}

// of compiles an expression whose evaluation gives a T.
func of[T any](source string, k kind, limits []*Limits, evaluate func(*program, *environment) T) (func(context.Context, *eip.Message) (T, error), error) {
	p, err := compile(source, k, limits...)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, m *eip.Message) (v T, err error) {
		e := p.start(ctx, m, nil)
		defer e.end(&err)
		return evaluate(p, e), nil
	}, nil
}

// Merge compiles an expression that also sees reply, the body of the reply.
func Merge(source string, limits ...*Limits) (eip.Merge, error) {
	p, err := compile(source, merge, limits...)
	if err != nil {
		return nil, err
	}
	return p.merge, nil
}

// Seeing compiles an expression that sees just these names: of body, headers and message,
// and members of the reply. reads are those members of the reply that an evaluation may
// read, as far as they are named: "group.count", or "group" for all of it.
func Seeing(source string, names []string, limits ...*Limits) (m eip.Merge, reads []string, err error) {
	p, err := compile(source, kind(strings.Join(names, " ")), limits...)
	if err != nil {
		return nil, nil, err
	}
	return p.merge, p.reads, nil
}

// Deciding is Seeing for an expression that gives true or false. members are those members
// of the reply, as reads has them, that may be that by themselves; nil: any.
func Deciding(source string, names, members []string, limits ...*Limits) (m eip.Merge, reads []string, err error) {
	p, err := compile(source, kind(string(predicate)+" "+strings.Join(names, " ")), limits...)
	if err != nil {
		return nil, nil, err
	}
	if p.member != "" && members != nil && !slices.Contains(members, p.member) {
		return nil, nil, whole(source, "This must be true or false, and %s is neither.", p.member)
	}
	return p.merge, p.reads, nil
}

func (p *program) merge(ctx context.Context, m, reply *eip.Message) (v any, err error) {
	e := p.start(ctx, m, reply)
	defer e.end(&err)
	return p.compute(e), nil
}

// fits reports why an expression of static type t cannot be used as k; "" where it
// can, or where it shows only at run time.
func (k kind) fits(t reflect.Type, isNil bool) string {
	switch {
	case isNil && k.decides():
		return "This must be true or false, and nil is neither."
	case isNil && (k == aList || k == aNumber || k == aTime):
		return "This must be a " + string(k) + ", and nil is none."
	case isNil || t == nil || t.Kind() == reflect.Interface:
		return ""
	case t.Kind() == reflect.Func:
		return "This is a function that is not called."
	case k.decides() && t.Kind() != reflect.Bool:
		return "This must be true or false, and it is " + content.TypeName(t) + "."
	case k == nameList && t.Kind() != reflect.String && t.Kind() != reflect.Slice:
		return "This must be a name or a list of names, and it is " + content.TypeName(t) + "."
	case k == aList && (t.Kind() != reflect.Slice || t.Elem().Kind() == reflect.Uint8):
		return "This must be a list, and it is " + content.TypeName(t) + "."
	case (k == aNumber || k == aPriority) && !isNumeric(t):
		return "This must be a number, and it is " + content.TypeName(t) + "."
	case k == aTime && t.Kind() != reflect.String && t != reflect.TypeFor[time.Time]():
		return "This must be a time, or text that is one, and it is " + content.TypeName(t) + "."
	case k == aLifetime && t.Kind() != reflect.String && t != reflect.TypeFor[time.Duration]() && !isNumeric(t):
		return "This must be a duration or a number, and it is " + content.TypeName(t) + "."
	case k == text && !isText(t):
		return "This must be text, and it is " + content.TypeName(t) + "."
	}
	return ""
}
