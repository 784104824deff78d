package expression

import (
	"encoding/json"
	"reflect"
	"slices"

	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/flow/expression/internal/document"
	"github.com/eipd/eipd/eip/internal/decimal"
)

func length(v any) int {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return r.Len()
	}
	return 0
}

// concat makes one list of several; of empty ones an empty one.
func (e *environment) concat(args []any) any {
	out := []any{}
	for _, a := range args {
		items := reflect.ValueOf(list(a))
		e.work(60 * (1 + items.Len()))
		e.build(16 * items.Len())
		out = slices.Grow(out, items.Len())
		for i := range items.Len() {
			out = append(out, items.Index(i).Interface())
		}
	}
	return out
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

// all applies f to a value or what is in its lists, and copies what changes.
func all(v any, f func(any) any) any {
	l, ok := v.([]any)
	if !ok {
		return f(v)
	}
	copied := false
	for i, x := range l {
		y := all(x, f)
		if _, changed := x.(json.Number); !changed && !isList(x) {
			continue
		}
		if !copied {
			l, copied = slices.Clone(l), true
		}
		l[i] = y
	}
	return l
}

func isList(v any) bool { _, ok := v.([]any); return ok }

// extreme is max and min.
func (e *environment) extreme(args []any, better int) any {
	var best any
	var most decimal.Number
	for _, v := range e.flatten([]any{args}, nil, 0) {
		n, ok := digitsOf(plainValue(v))
		if !ok {
			fail("%s where a number is needed", content.KindOf(v))
		}
		if best == nil || n.Compare(most)*better > 0 {
			best, most = v, n
		}
	}
	return best
}

// sortBy sorts pairs of an element and its key.
func (e *environment) sortBy(args []any) any {
	pairs, order := slices.Clone(list(args[0]).([]any)), "asc"
	if len(args) == 2 {
		order = str(args[1])
	}
	if order != "asc" && order != "desc" {
		fail("unknown order, use asc or desc")
	}
	bytes := 0
	for _, p := range pairs {
		bytes += e.weigh(p.([2]any)[1]).bytes
	}
	e.sorted(len(pairs), 8*bytes, 10*perElement)
	less := comparisons["<"]
	slices.SortStableFunc(pairs, func(a, b any) int {
		x, y := a.([2]any)[1], b.([2]any)[1]
		if order == "desc" {
			x, y = y, x
		}
		switch {
		case less(x, y):
			return -1
		case less(y, x):
			return 1
		}
		return 0
	})
	for i, p := range pairs {
		pairs[i] = p.([2]any)[0]
	}
	return pairs
}
