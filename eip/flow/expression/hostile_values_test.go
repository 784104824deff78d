package expression

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/expr-lang/expr/builtin"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/content"
	"github.com/eipd/eipd/eip/header"
)

// hostileMessage has 1.8 MB of each kind of value.
func hostileMessage() *eip.Message {
	list := func(item string, n int) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	return eip.New([]byte(`{"s":"`+strings.Repeat("a", 1_000_000)+`","l":`+list(`"xxxxxxxxxx"`, 100_000)+`,"n":`+list("1", 100_000)+
		`,"k":1,"digits":`+strings.Repeat("7", 5_000_000)+`,"low":"`+strings.Repeat(`\u0001`, 1_000_000)+`"}`), nil)
}

// What is made of values that share others is a tree, which nobody has the time or
// memory to go through. Such an evaluation ends before it is made.
func TestEvaluate_HostileValues(t *testing.T) {
	const body = `{s: body.s, l: body.l, n: body.n}`
	tree := func(leaf string, n int) string { return fmt.Sprintf(`reduce(1..%d, [#acc, #acc], %s)`, n, leaf) }
	pairs := func(n int) string { return fmt.Sprintf(`reduce(1..%d, fromPairs([[1, #acc], [2, #acc]]), 1)`, n) }
	kinds := map[string]string{ // a kind of value that holds 1000 bodies
		"list": `map(1..1000, b)`, "map": `{a: map(1..1000, b)}`, "groups": `groupBy(map(1..1000, b), 1)`, "groups by pairs": `groupBy(map(1..1000, b), toPairs({a: 1})[0])`,
		"map of pairs": `fromPairs(map(1..1000, [#, b]))`, "pairs": `toPairs({a: map(1..1000, b)})`, "pairs of groups": `toPairs(groupBy(map(1..1000, b), # == b))`,
		"one pair": `toPairs({a: map(1..1000, b)})[0]`, "slice of pairs": `toPairs({a: map(1..1000, b)})[0:1]`, "values": `values({a: map(1..1000, b)})`,
		"key of a map": `fromPairs([[toPairs({a: map(1..1000, b.n)})[0], 1]])`, "tree": tree("b", 12), "tree of maps": pairs(28), "tree of leaves": tree("1", 30), "tree of nothing": tree("[]", 30),
	}
	uses := []string{
		`[%s]`, `string(%s)`, `toJSON(%s)`, `let a = %[1]s; let c = %[1]s; count(1..3000, a == c)`, `let a = %[1]s; let c = %[1]s; a in [c]`, `let a = %[1]s; count(1..3000, [a] == [[a]][0])`,
		`let a = %[1]s; count(1..3000, [{x: a}] != [{x: a}])`, `let a = %[1]s; uniq([a, a])`, `body.k[%s]`, `body[[%s]]`,
	}
	var tests []string
	for _, kind := range kinds {
		for _, use := range uses {
			tests = append(tests, "let b = "+body+"; "+fmt.Sprintf(use, kind))
		}
	}
	tests = append(tests,
		`max(map(1..1000, body.digits))`, `min(map(1..1000, body.digits))`, `max(map(1..100000, body.digits))`, `max(concat([body.digits], body.n, body.n, body.n, body.n, body.n, body.n, body.n, body.n, body.n, body.n))`, `sort(map(1..1000, body.digits))`, `count(1..1000, body.digits == body.digits)`,
		`{id: map(1..100, body.digits)}`, `toJSON(map(1..100, body.low))`, `map(1..12, body.low)`, `string(map(1..100, body.low))`, `string(map(1..1000, body.digits))`,
		`flatten(`+tree("[]", 30)+`)`, `max(`+tree("[]", 30)+`)`, `mean(`+tree("1", 30)+`)`, `mean(`+tree("1", 23)+`)`, `median(`+tree("1", 30)+`)`, `sum(`+tree("1", 30)+`)`, `sort(`+tree("1", 30)+`)`,
		`len(reduce(1..40, toPairs(fromPairs([[#acc, #acc]]))[0], 1))`, `groupBy([1], reduce(1..40, toPairs(fromPairs([[#acc, #acc]]))[0], 1))`,
		`let m = {(body.s): 1}; count(1..900000, len(toPairs(m)) > 0)`, `let m = {(body.s): 1}; count(1..900000, len(values(m)) > 0)`, `let m = fromPairs([[body.s, 1]]); count(1..900000, body.s in m)`, `let p = toPairs({a: 1, b: 2}); count(1..900000, p[0] in p)`,
		`map(1..30000, 1..30)`, `let r = 1..1000; map(1..30000, r)`, `let r = split(body.s, ""); map(1..100, r)`,
	)
	m := hostileMessage()
	for _, source := range tests {
		v, err := Value(source, &Limits{Work: 10})
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := v(t.Context(), m)
		runtime.ReadMemStats(&after)
		if made := after.TotalAlloc - before.TotalAlloc; made > 400<<20 {
			t.Errorf("%s: made %d MiB", source, made>>20)
		}
		if err == nil {
			if b, _, err := content.Encode(got); err != nil || len(b) > maxBuilt {
				t.Errorf("%s: %d bytes, %v", source, len(b), err)
			}
			continue
		}
		if !eip.IsInvalid(err) || len(err.Error()) > 500 {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// samples are calls of all of expr's functions, and what else makes lists and maps,
// with values that hold the text of the body.
var samples = map[string]string{
	"all": `all(l, true)`, "none": `none(l, true)`, "any": `any(l, true)`, "one": `one(l, true)`, "filter": `filter(l, true)`, "map": `map(l, [#])`, "find": `find(l, true)`, "findIndex": `findIndex(l, true)`,
	"findLast": `findLast(l, true)`, "findLastIndex": `findLastIndex(l, true)`, "count": `count(l, true)`, "sum": `sum(body.n)`, "groupBy": `groupBy(l, #)`, "sortBy": `sortBy(l, #)`, "reduce": `reduce(l, [#acc, #])`,
	"len": `len(l)`, "type": `type(l)`, "abs": `abs(1)`, "ceil": `ceil(1.5)`, "floor": `floor(1.5)`, "round": `round(1.5)`, "int": `int(1)`, "float": `float(1)`, "string": `string(l)`,
	"trim": `trim(s)`, "trimPrefix": `trimPrefix(s, "x")`, "trimSuffix": `trimSuffix(s, "x")`, "upper": `upper(s)`, "lower": `lower(s)`, "split": `split(s, " ")`, "splitAfter": `splitAfter(s, " ")`, "replace": `replace(s, "x", "y")`, "repeat": `repeat(s, 2)`,
	"join": `join(l)`, "indexOf": `indexOf(s, "x")`, "lastIndexOf": `lastIndexOf(s, "x")`, "hasPrefix": `hasPrefix(s, "x")`, "hasSuffix": `hasSuffix(s, "x")`, "max": `max(body.n)`, "min": `min(body.n)`, "mean": `mean(body.n)`, "median": `median(body.n)`,
	"toJSON": `toJSON(l)`, "fromJSON": `fromJSON(toJSON(l))`, "toBase64": `toBase64(s)`, "fromBase64": `fromBase64(toBase64(s))`, "now": `now()`, "duration": `duration("1h")`, "date": `date("2024-01-01")`, "timezone": `timezone("UTC")`,
	"first": `first(l)`, "last": `last(l)`, "get": `get(m, "a")`, "take": `take(l, 2)`, "keys": `keys({(s): 1})`, "values": `values(m)`, "toPairs": `toPairs(m)`, "fromPairs": `fromPairs([[s, l], [1, m]])`, "reverse": `reverse(l)`, "uniq": `uniq(l)`, "concat": `concat(l, l)`,
	"flatten": `flatten([l, l])`, "sort": `sort(l)`, "bitand": `bitand(1, 1)`, "bitor": `bitor(1, 1)`, "bitxor": `bitxor(1, 1)`, "bitnand": `bitnand(1, 1)`, "bitshl": `bitshl(1, 1)`, "bitshr": `bitshr(1, 1)`, "bitushr": `bitushr(1, 1)`, "bitnot": `bitnot(1)`,

	"a range": `1..9`, "a slice": `l[1:]`, "a pair": `toPairs(m)[0]`, "a slice of pairs": `toPairs(m)[:1]`, "a slice of a pair": `toPairs(m)[0][:2]`, "groups of pairs": `groupBy(toPairs(m), #[0])`, "a map by pairs": `groupBy(l, toPairs({a: 1})[0])`,
	"captures": `captures(s, "(?<a>.*)")`, "characters": `last([s])`, "headers": `headers`, "a header": `headers.list`, "message": `message`, "sequence": `message.sequence`, "history": `message.history`, "a month": `now().Month()`,
}

// No list or map is of a kind that is not looked into: what expr's functions return
// is weighed, and gone through here by reflection alone.
func TestWeigh_EveryKind(t *testing.T) {
	for _, f := range builtin.Builtins {
		if samples[f.Name] == "" {
			t.Errorf("no sample of %s", f.Name)
		}
	}
	m := eip.New([]byte(`{"s":"some text here","l":["some text","more"],"n":[1,2.5]}`), nil)
	m.ID, m.Sequence.ID = "an identifier", "another"
	m.Headers = eip.Headers{"list": []any{"of text", eip.Headers{"a": "b"}}, header.History: []any{"one", map[string]any{"two": "three"}}}
	for name, source := range samples {
		p, err := compile(`let s = body.s; let l = body.l; let m = {a: l, b: {c: l}}; `+source, value)
		if err != nil {
			t.Errorf("%s: %s: %v", name, source, err)
			continue
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s: %v", source, p)
				}
			}()
			e := p.start(t.Context(), m, nil)
			v := p.run(e)
			values, bytes := contents(reflect.ValueOf(v))
			w := e.weigh(v)
			if w.values < values || w.bytes < bytes {
				t.Errorf("%s: %T weighs %d values and %d bytes, and has %d and %d", source, v, w.values, w.bytes, values, bytes)
			}
			if l := (spelling{room: 1 << 20}); true {
				if l.add(v); 1<<20-l.room < values+bytes {
					t.Errorf("%s: %T is %d long as text, and has %d values and %d bytes", source, v, 1<<20-l.room, values, bytes)
				}
			}
		}()
	}
}

// contents counts values and bytes of text.
func contents(v reflect.Value) (values, bytes int) {
	add := func(x reflect.Value) {
		n, b := contents(x)
		values, bytes = values+n, bytes+b
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() || v.Kind() == reflect.Pointer {
			return 1, 0
		}
		return contents(v.Elem())
	case reflect.String:
		return 1, v.Len()
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			add(v.Index(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			add(it.Key())
			add(it.Value())
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[envelope]() || v.Type() == reflect.TypeFor[sequence]() {
			for i := range v.NumField() {
				add(v.Field(i))
			}
		}
	}
	return values + 1, bytes
}

// A body that becomes very large when it is decoded, or to be told what is wrong
// with it, is refused before it does.
func TestEvaluate_DecodedIsBounded(t *testing.T) {
	many := func(item string, bytes int) string {
		return "[" + strings.Repeat(item+",", bytes/(len(item)+1)) + item + "]"
	}
	bodies := map[string]string{
		"ones": many("1", 12<<20), "empty maps": many("{}", 8<<20), "maps": many(`{"":1}`, 4<<20), "lists": many("[]", 9<<20), "lists of one": many("[1]", 11<<20), "texts": many(`""`, 12<<20),
		"keys": `{"":1` + strings.Repeat(`,"":1`, 2<<20) + `}`, "nested": nested("[", many("{}", 8<<20), "]", 5000), "spaces": "[ " + strings.Repeat(" {\n\"\":[ ]} ,", 1<<19) + "1]",
		"half a pair": many("1", 12<<20) + `"\ud800"`, "half a pair at the end": "[" + many("{}", 8<<20) + `,"\ud800"]`, "no end": "[" + many("{}", 8<<20) + `,"`,
	}
	uses := map[string]string{"whole": `len(body) > 0`, "place": `len(body.a) > 0`, "fromJSON": `len(fromJSON(string(headers.text))) > 0`, "text": `body.a.b startsWith "x"`}
	for name, body := range bodies {
		for use, source := range uses {
			content := body
			if use != "whole" && use != "fromJSON" {
				content = `{"a":` + body + `,"b":[]}`
			}
			p, err := Predicate(source)
			if err != nil {
				t.Fatalf("%s: %v", source, err)
			}
			m := eip.New([]byte(content), nil)
			m.ContentType = "application/json"
			m.Headers = eip.Headers{"text": body}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err = p(t.Context(), m)
			runtime.ReadMemStats(&after)
			if made := after.TotalAlloc - before.TotalAlloc; made > 300<<20 {
				t.Errorf("%s, %s: made %d MiB, %v", name, use, made>>20, err)
			}
			if (err == nil) != (name == "keys" && use != "fromJSON") || err != nil && (!eip.IsInvalid(err) || len(err.Error()) > 500) {
				t.Errorf("%s, %s: %v", name, use, err)
			}
		}
	}
}
