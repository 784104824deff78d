package expression

import (
	"encoding/json"
	"github.com/eipd/eipd/eip/content"
	"math"
	"reflect"

	"github.com/expr-lang/expr/vm/runtime"
)

// list fails for what is none; expr would loop over the bytes of a text.
func list(v any) any {
	switch v.(type) {
	case []any, []int, []string:
		return v
	case string, []byte:
	default:
		if k := reflect.ValueOf(v).Kind(); k == reflect.Slice || k == reflect.Array {
			return v
		}
	}
	fail("%s where a list is needed", content.KindOf(v))
	return nil
}

func str(v any) string {
	s, ok := v.(string)
	if !ok {
		fail("%s where text is needed", content.KindOf(v))
	}
	return s
}

// add is +. Text that is doubled again and again would fill any memory.
func (e *environment) add(a, b any) any {
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			e.build(len(s) + len(t))
			e.work((len(s) + len(t)) / 4)
			return s + t
		}
	}
	e.digits(a)
	e.digits(b)
	return arithmetic["+"](a, b)
}

// quotient is /, which yields no infinity.
func quotient(a, b any) any {
	q := runtime.Divide(a, b)
	if math.IsInf(q, 0) || math.IsNaN(q) {
		if runtime.Equal(b, 0) {
			fail("division by zero")
		}
		fail("the result of a division is too large")
	}
	return q
}

// within is x in from..to, without making the list.
func within(x any, from, to int) any {
	switch x := x.(type) {
	case int:
		return from <= x && x <= to
	case json.Number:
		if n, isInt := canonical(x).(int); isInt {
			return within(n, from, to)
		}
		return false
	case float64:
		return float64(from) <= x && x <= float64(to) && x == math.Trunc(x)
	}
	switch reflect.ValueOf(x).Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32:
		v, _ := normal(x, 0)
		return within(v, from, to)
	}
	return false
}
