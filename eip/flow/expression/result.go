package expression

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/expression/internal/document"
)

// result turns what an expression yields into what an eip.Value may be. What is
// larger as JSON than what functions may build is none.
func (e *environment) result(v any) any {
	switch v.(type) {
	case nil, string, bool, int, float64, []byte:
		return v
	}
	w := e.weigh(v)
	if !w.fits(v, maxBuilt) {
		fail("its result has more than %d MiB", maxBuilt>>20)
	}
	return e.plain(v, w)
}

// plain is normal of a value whose copy, where it needs one, is counted.
func (e *environment) plain(v any, w weight) any {
	if w.made {
		e.build(24 * w.values)
	}
	v, _ = normal(v, 0)
	return v
}

// plainValue does the same for a header's value.
func plainValue(v any) any {
	switch v.(type) {
	case nil, string, bool, int, int64, float64:
		return v
	}
	v, _ = normal(v, 0)
	return v
}

// normal returns v itself where nothing in it must change.
func normal(v any, depth int) (_ any, changed bool) {
	if depth > document.MaxDepth {
		fail("the result is nested too deep")
	}
	switch v := v.(type) {
	case nil, bool, int, float64, string, []byte, time.Time, json.Number:
		return v, false
	case int64:
		return int(v), true
	case float32:
		return float64(v), true
	case []any:
		return normalList(v, depth)
	case map[string]any:
		return normalMap(v, depth)
	case eip.Headers:
		m, _ := normalMap(v, depth)
		return m, true // as a map without methods
	case eip.Decimal:
		return headerNumber(v), true
	case envelope:
		return v.fields(), true
	case sequence:
		return v.fields(), true
	case time.Duration:
		return v.String(), true
	case *time.Location:
		return v.String(), true
	case map[any][]any: // of groupBy
		return textKeys(v, depth), true
	case map[any]any: // of fromPairs
		return textKeys(v, depth), true
	}
	return reflected(v, depth), true
}

// textKeys gives keys of any type their text, which must not be that of another.
func textKeys[V any](from map[any]V, depth int) map[string]any {
	m := make(map[string]any, len(from))
	for k, v := range from {
		text := textOf(k)
		if _, taken := m[text]; taken {
			fail("two keys of a map that are not equal are both %q as text", short(text))
		}
		m[text], _ = normal(v, depth+1)
	}
	return m
}

func normalList(l []any, depth int) (any, bool) {
	changed := false
	for i, e := range l {
		n, c := normal(e, depth+1)
		if !c {
			continue
		}
		if !changed {
			l, changed = slices.Clone(l), true
		}
		l[i] = n
	}
	return l, changed
}

func normalMap(m map[string]any, depth int) (any, bool) {
	var other map[string]any
	for k, e := range m {
		n, c := normal(e, depth+1)
		if !c {
			continue
		}
		if other == nil {
			other = maps.Clone(m)
		}
		other[k] = n
	}
	if other != nil {
		return other, true
	}
	return m, false
}

// reflected is normal for the rarer types: of ranges, split, toPairs and methods.
func reflected(v any, depth int) any {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Bool:
		return r.Bool()
	case reflect.String:
		return r.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(r.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return content.ParseNumber(strconv.FormatUint(r.Uint(), 10))
	case reflect.Slice, reflect.Array:
		l := make([]any, r.Len())
		for i := range l {
			l[i], _ = normal(r.Index(i).Interface(), depth+1)
		}
		return l
	}
	fail("its result is %s", content.KindOf(v))
	return nil
}

// isText reports whether textOf takes values of type t.
func isText(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[[]byte](), reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Location]():
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer, reflect.Func:
		return false
	}
	return true
}

// isNumeric reports whether values of type t are numbers.
func isNumeric(t reflect.Type) bool {
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 && t != reflect.TypeFor[time.Duration]()
}

// textOf is the text of a value; it fails where that has none.
func textOf(v any) string {
	if t := reflect.TypeOf(v); t != nil && !isText(t) {
		fail("its result is %s where text is needed", content.KindOf(v))
	}
	switch v, _ := normal(v, 0); v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
			b, err := json.Marshal(v)
			check(err)
			return string(b)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []byte:
		if !utf8.Valid(v) {
			fail("its result is bytes that are no text")
		}
		return string(v)
	default:
		fail("its result is %s where text is needed", content.KindOf(v))
	}
	return ""
}
