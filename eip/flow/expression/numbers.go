package expression

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/expr-lang/expr/vm/runtime"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/internal/decimal"
)

// Numbers are ints, float64s, and json.Numbers for what neither gives back as it is
// written. Those are compared by their digits, and computed with where they equal
// an int or a float64. expr knows nothing of them: its machine runs code that is
// as it compiles it until one is seen, and then code in which all operators are
// ours.

// safe is where two integers begin to be one float64.
const safe = 1 << 53

// inexact is what an evaluation panics with that must be done anew by the slower code.
type inexact struct{}

func (inexact) Error() string { return "a number needs other operators" }

// saw is called with what comes into an evaluation.
func (e *environment) saw(exact bool) {
	if exact && e.quick {
		panic(inexact{})
	}
	e.exact = e.exact || exact
}

// holdsNumber reports whether a json.Number is in v.
func holdsNumber(v any) bool {
	switch v := v.(type) {
	case json.Number:
		return true
	case []any:
		return slices.ContainsFunc(v, holdsNumber)
	case map[string]any:
		for _, x := range v {
			if holdsNumber(x) {
				return true
			}
		}
	}
	return false
}

// numeric is a number as operators take it.
func numeric(v any) any {
	switch n := v.(type) {
	case int64:
		return int(n)
	case json.Number:
		p, ok := decimal.Plain(n)
		if !ok {
			fail("the number %s cannot be computed with: 64 bits do not hold all of it", short(string(n)))
		}
		return p
	}
	return v
}

// digits counts what it takes to read a number.
func (e *environment) digits(v any) {
	if n, ok := v.(json.Number); ok {
		e.work(perElement + 10*len(n))
	}
}

// lossless fails for an integer that no float64 is.
func lossless(v any) any {
	v = numeric(v)
	if i, ok := v.(int); ok && (i > safe || i < -safe) {
		if f := float64(i); f >= 1<<63 || int(f) != i {
			fail("the number %d cannot be computed with as a float: 64 bits do not hold all of it", i)
		}
	}
	return v
}

func equal(a, b any) bool {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y
	case []any:
		y := reflect.ValueOf(b)
		if k := y.Kind(); k != reflect.Slice && k != reflect.Array || y.Len() != len(x) {
			return false
		}
		for i := range x {
			if !equal(x[i], y.Index(i).Interface()) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			break
		}
		for k := range x {
			if v, ok := y[k]; !ok || !equal(x[k], v) {
				return false
			}
		}
		return len(x) == len(y)
	}
	if l, ok := b.([]any); ok {
		return equal(l, a)
	}
	if c, ok := byDigits(a, b); ok {
		return c == 0
	}
	if _, ok := a.(json.Number); ok { // no more than other numbers is it a text
		return false
	}
	return runtime.Equal(a, b)
}

// ordered is an operator that orders.
func ordered(is func(c int) bool, f func(a, b any) bool) func(a, b any) bool {
	return func(a, b any) bool {
		if c, ok := byDigits(a, b); ok {
			return is(c)
		}
		return f(a, b)
	}
}

// byDigits compares two numbers that expr would not compare, or only roughly.
func byDigits(a, b any) (c int, ok bool) {
	if !rough(a, b) && !rough(b, a) {
		return 0, false
	}
	x, isNumber := digitsOf(a)
	y, isNumber2 := digitsOf(b)
	if !isNumber || !isNumber2 {
		return 0, false
	}
	return x.Compare(y), true
}

func rough(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		return true
	case float64:
		switch b.(type) {
		case int, int64:
			return a >= safe || a <= -safe
		}
	}
	return false
}

func digitsOf(v any) (decimal.Number, bool) {
	n, ok, err := decimal.Of(v)
	check(err)
	return n, ok
}

// canonical is the same for numbers that are equal.
func canonical(v any) any {
	if _, isText := v.(string); isText {
		return v
	}
	c, err := decimal.Canonical(v)
	check(err)
	return c
}

// among is in.
func among(x, all any) bool {
	switch l := all.(type) {
	case []any:
		for _, v := range l {
			if equal(v, x) {
				return true
			}
		}
		return false
	case nil, string, map[string]any:
	default:
		x = canonical(x)
	}
	return runtime.In(x, all)
}

// arithmetic are the operators that compute, without what they would lose.
var arithmetic = map[string]func(a, b any) any{
	"+": computed(func(x, y int) (int, bool) { z := x + y; return z, (z > x) == (y > 0) }, runtime.Add),
	"-": computed(func(x, y int) (int, bool) { z := x - y; return z, (z < x) == (y > 0) }, runtime.Subtract),
	"*": computed(func(x, y int) (int, bool) {
		z := x * y
		return z, x == 0 || z/x == y && !(x == -1 && y == math.MinInt)
	}, runtime.Multiply),
	"%":  func(a, b any) any { return runtime.Modulo(unsigned(numeric(a)), unsigned(numeric(b))) },
	"/":  func(a, b any) any { return quotient(lossless(a), lossless(b)) },
	"**": func(a, b any) any { return runtime.Exponent(lossless(a), lossless(b)) },
	"^":  func(a, b any) any { return runtime.Exponent(lossless(a), lossless(b)) },
}

func computed(ints func(x, y int) (int, bool), others func(a, b any) any) func(a, b any) any {
	return func(a, b any) any {
		a, b = numeric(a), numeric(b)
		x, isInt := a.(int)
		y, isInt2 := b.(int)
		switch {
		case isInt && isInt2:
			z, ok := ints(x, y)
			if !ok {
				fail("the result is no integer of 64 bits")
			}
			return z
		case isInt:
			if _, isFloat := b.(float64); isFloat {
				lossless(a)
			}
		case isInt2:
			if _, isFloat := a.(float64); isFloat {
				lossless(b)
			}
		}
		return others(a, b)
	}
}

// unsigned makes an integer of -0, which is a float.
func unsigned(v any) any {
	if v == 0.0 {
		return 0
	}
	return v
}

// negated is -v.
func negated(v any) any {
	if v = numeric(v); v == math.MinInt {
		fail("the result is no integer of 64 bits")
	}
	return runtime.Negate(v)
}

// key is the same for equal keys of a map.
func key(v any) any {
	if t, ok := v.(time.Time); ok {
		return t.Round(0).UTC()
	}
	return canonical(v)
}

// headerNumber is eip's decimal as a number.
func headerNumber(d eip.Decimal) any {
	return content.ParseNumber(decimal.Scaled(int64(d.Value), int(d.Scale)))
}
