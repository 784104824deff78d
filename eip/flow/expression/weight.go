package expression

import (
	"encoding/json"
	"math"
	"math/bits"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow/expression/internal/document"
)

// weight is what a value is to who encodes, compares or prints it: a tree, in which
// what is in two places counts twice. Counting ends beyond limit.
type weight struct {
	values, bytes, limit int
	made                 bool // there are lists or maps in it of types that no message has
	deep                 bool // deeper than a message may be
}

func (w *weight) add(v any, depth int) {
	if w.values++; w.values > w.limit {
		return
	}
	switch v := v.(type) {
	case nil, bool, int, float64:
	case string:
		w.bytes += len(v)
	case json.Number:
		w.bytes += 10 * len(v)
	case []byte:
		w.bytes += len(v)
	case []any:
		w.deep = w.deep || depth > document.MaxDepth
		for _, x := range v {
			w.add(x, depth+1)
		}
	case map[string]any:
		w.fields(v, depth)
	case eip.Headers:
		w.made = true
		w.fields(v, depth)
	case envelope:
		w.made = true
		w.fields(v.fields(), depth)
	case sequence:
		w.made = true
		w.fields(v.fields(), depth)
	case []string:
		w.made = true
		w.values += len(v)
		for _, s := range v {
			w.bytes += len(s)
		}
	default:
		w.reflected(reflect.ValueOf(v), depth)
	}
}

func (w *weight) fields(m map[string]any, depth int) {
	w.deep = w.deep || depth > document.MaxDepth
	for k, x := range m {
		w.bytes += len(k)
		w.values += 4
		w.add(x, depth+1)
	}
}

// reflected is add for the lists and maps that functions of expr make, whatever their
// types. What is in them takes longer to get at.
func (w *weight) reflected(r reflect.Value, depth int) {
	w.deep = w.deep || depth > document.MaxDepth
	switch r.Kind() {
	case reflect.Slice, reflect.Array:
		w.made = true
		if k := r.Type().Elem().Kind(); k >= reflect.Bool && k <= reflect.Complex128 {
			w.values += r.Len()
			return
		}
		for i := 0; i < r.Len() && w.values <= w.limit; i++ {
			w.values += 5
			w.add(r.Index(i).Interface(), depth+1)
		}
	case reflect.Map:
		w.made = true
		for it := r.MapRange(); it.Next() && w.values <= w.limit; {
			w.values += 15
			w.add(it.Key().Interface(), depth+1)
			w.add(it.Value().Interface(), depth+1)
		}
	case reflect.Struct:
		w.values += r.NumField()
	}
}

// weigh counts a value, and what that takes. It fails where that is more than is left.
func (e *environment) weigh(v any) weight {
	w := weight{limit: e.left / perVisit}
	w.add(v, 0)
	e.work(perVisit * w.values)
	return w
}

// through counts what it takes to go through all of a value.
func (e *environment) through(v any, perValue, perByte int) weight {
	w := e.weigh(v)
	e.work(w.values*perValue + w.bytes*perByte)
	return w
}

// spelled is through for what makes a text of a value, for which there must be room.
func (e *environment) spelled(v any, perValue, perByte int) weight {
	w := e.through(v, perValue, perByte)
	if w.deep {
		fail("the result is nested too deep")
	}
	if !w.fits(v, maxBuilt-e.built) {
		e.build(maxBuilt + 1)
	}
	return w
}

// fits reports whether a value is at most n bytes long as text. Few are so large that
// more than their weight must be looked at.
func (w *weight) fits(v any, n int) bool {
	if 25*w.values+6*w.bytes <= n {
		return true
	}
	l := spelling{room: n}
	l.add(v)
	return l.room >= 0
}

// spelling counts down how long a value is as JSON, about, which is not much less than
// what it is when printed.
type spelling struct{ room int }

func (l *spelling) add(v any) {
	l.room -= 2 // quotes, brackets or what is between two values
	if l.room < 0 {
		return
	}
	switch v := v.(type) {
	case string:
		l.text(v)
	case []byte:
		l.room -= 4 * len(v) // as numbers
	case json.Number:
		l.room -= len(v)
	case nil, bool:
		l.room -= 3
	case int:
		l.room -= bits.Len(uint(max(v, -v))) / 3
	case float64:
		var some [32]byte
		format := byte('f')
		if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
			format = 'e'
		}
		l.room -= len(strconv.AppendFloat(some[:0], v, format, -1, 64)) - 1
	case time.Time:
		l.room -= 60
	case []any:
		for _, x := range v {
			l.add(x)
		}
	case map[string]any:
		for k, x := range v {
			l.add(k)
			l.add(x)
		}
	case envelope:
		l.add(v.fields())
	case sequence:
		l.add(v.fields())
	default:
		switch r := reflect.ValueOf(v); r.Kind() {
		case reflect.Slice, reflect.Array:
			for i := 0; i < r.Len() && l.room >= 0; i++ {
				l.add(r.Index(i).Interface())
			}
		case reflect.Map:
			for it := r.MapRange(); it.Next() && l.room >= 0; {
				l.add(it.Key().Interface())
				l.add(it.Value().Interface())
			}
		default:
			l.room -= 20
		}
	}
}

// text counts a text with the escapes that JSON needs.
func (l *spelling) text(s string) {
	l.room -= len(s)
	for i, c := range s {
		switch {
		case c == '"' || c == '\\':
			l.room--
		case c < ' ' || c == utf8.RuneError && s[i] != 0xef: // no UTF-8
			l.room -= 5
		case c == '\u2028' || c == '\u2029':
			l.room -= 3
		}
		if l.room < 0 {
			return
		}
	}
}
