package expression

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/expr-lang/expr"

	"github.com/eipd/eipd/eip"
)

// An expression has one meaning, however it is evaluated: by closures or by expr's
// machine, reading places or decoding the body whole, or by plain expr on maps.

// bodies are what random expressions are evaluated on.
var bodies = []string{
	`{"a":1,"b":"eu","c":{"a":2.5,"b":{"a":"x","c":null}},"d":[1,"x",{"a":3}],"e":true,"f":null,"g":-7}`,
	`{"a":{"a":1,"b":[1,2,3]},"b":{"b":"eu"},"c":"eu","d":{"a":5},"e":"true","f":false,"g":1e3}`,
	`{"a":1.0,"b":"Zürich","c":[1.50,12345678901234567890,1],"d":[{"a":1.0},{"a":1},{"a":12345678901234567890}],"e":-0,"f":12345678901234567890,"g":9007199254740993}`,
	`{"a":"1","a":1000,"b":"","c":[],"d":[{"a":1},{"a":2},{"a":"z"}],"e":0,"f":{},"g":9223372036854775807}`,
	`{"\u0061":3,"b":"\u0065u","c":{"a":{"b":1},"a":null},"e":false,"g":2.0}`,
	`{}`, `[]`, `[1,{"a":1}]`, `null`, `7`, `"text"`, `true`, `{"a":`, `no JSON`, ``, "\xff",
}

var contentTypes = []string{"", "application/json", "text/plain", "application/octet-stream"}

// outcome is a result, or that there is none.
func outcome(v any, err error) string {
	if err != nil {
		if !eip.IsInvalid(err) {
			return "NOT INVALID: " + err.Error()
		}
		return "fails"
	}
	return fmt.Sprintf("%#v", v)
}

func (p *program) evaluate(m *eip.Message) (v any, err error) {
	e := p.start(context.Background(), m, m)
	defer e.end(&err)
	return e.result(p.run(e)), nil
}

func (p *program) decideOn(m *eip.Message) (v bool, err error) {
	e := p.start(context.Background(), m, m)
	defer e.end(&err)
	return p.decide(e), nil
}

// ways are how a source is evaluated.
type ways struct{ direct, machine, exact, whole *program }

func newWays(source string) (w ways, err error) {
	if w.direct, err = compile(source, merge); err != nil {
		return w, err
	}
	if w.machine, err = compile(source, merge); err != nil {
		return w, err
	}
	w.machine.value, w.machine.test = nil, nil
	if w.exact, err = compile(source, merge); err != nil {
		return w, err
	}
	w.exact.value, w.exact.test, w.exact.precise = nil, nil, true
	w.whole, err = compileWith(source, merge, &places{whole: true})
	return w, err
}

func (w ways) check(t *testing.T, source string, body, contentType string) {
	t.Helper()
	message := func() *eip.Message {
		return eip.New([]byte(body), nil).With(func(m *eip.Message) {
			m.ContentType, m.ID, m.Priority = contentType, "m1", 4
			m.Headers = eip.Headers{"a": int32(5), "b": "eu", "c": eip.Headers{"a": uint8(1)}, "d": []any{int64(1), "x"}, "e": true}
		})
	}
	m := message()
	want := outcome(w.whole.evaluate(m))
	for name, got := range map[string]string{
		"direct": outcome(w.direct.evaluate(m)), "again": outcome(w.direct.evaluate(m)), "machine": outcome(w.machine.evaluate(message())),
		"machine again": outcome(w.machine.evaluate(m)), "exact": outcome(w.exact.evaluate(m)),
	} {
		if got != want {
			t.Fatalf("%s\non %s (%s)\n%s: %s\nwhole: %s", source, body, contentType, name, got, want)
		}
	}
	decided, machine := outcome(w.direct.decideOn(m)), outcome(w.machine.decideOn(m))
	if want != "true" && want != "false" {
		want = "fails"
	}
	if decided != want || machine != want {
		t.Fatalf("%s\non %s (%s)\ndecide: %s, by the machine %s, value %s", source, body, contentType, decided, machine, want)
	}
}

func TestSame_Random(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	compiled, direct := 0, 0
	for range 2500 {
		source := (&writer{r: r}).expression(4)
		w, err := newWays(source)
		if err != nil {
			continue
		}
		compiled++
		if w.direct.value != nil {
			direct++
		}
		for _, body := range bodies {
			w.check(t, source, body, contentTypes[r.IntN(len(contentTypes))])
		}
	}
	t.Logf("%d expressions, %d of them direct", compiled, direct)
	if compiled < 1200 || direct < 700 {
		t.Errorf("only %d of 2500 expressions compile, only %d are direct", compiled, direct)
	}
}

// Plain expr on the decoded body is what users know. It differs in what is said
// to differ: here a division by zero, which plain expr makes an infinity.
func TestSame_AsPlainExpr(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	compared := 0
	for range 1500 {
		source := (&writer{r: r, plain: true}).expression(4)
		p, err := compile(source, value)
		reference, plainErr := expr.Compile(source, expr.AllowUndefinedVariables(), expr.Optimize(false))
		if err != nil || plainErr != nil {
			continue
		}
		for _, body := range bodies {
			if strings.Contains(body, "Zürich") { // plain expr cuts characters, and has no such numbers
				continue
			}
			m := eip.New([]byte(body), nil)
			decoded, err := m.Value()
			if err != nil {
				t.Fatal(err)
			}
			var want string
			if v, err := expr.Run(reference, map[string]any{"body": floats64(decoded)}); err != nil || !finite(v) {
				want = "fails"
			} else {
				v, _ = normal(v, 0)
				want = outcome(v, nil)
			}
			got, err := p.evaluate(m)
			if got := outcome(floats64(got), err); got != want {
				t.Fatalf("%s\non %s\ngot %s\nplain expr: %s", source, body, got, want)
			}
			compared++
		}
	}
	t.Logf("%d results compared", compared)
	if compared < 5000 {
		t.Errorf("only %d results compared", compared)
	}
}

// floats64 are the numbers that plain expr knows.
func floats64(v any) any {
	switch v := v.(type) {
	case json.Number:
		return numeric(v)
	case []any:
		l := make([]any, len(v))
		for i := range v {
			l[i] = floats64(v[i])
		}
		return l
	case map[string]any:
		m := map[string]any{}
		for k := range v {
			m[k] = floats64(v[k])
		}
		return m
	}
	return v
}

func finite(v any) bool {
	f, ok := v.(float64)
	return !ok || !math.IsInf(f, 0) && !math.IsNaN(f)
}

// A writer writes random expressions.
type writer struct {
	r     *rand.Rand
	plain bool // only body, and nothing whose meaning differs from plain expr's
	loops int
}

func (w *writer) pick(s ...string) string { return s[w.r.IntN(len(s))] }

func (w *writer) expression(depth int) string {
	if depth == 0 {
		return w.leaf()
	}
	sub := func() string { return w.expression(depth - 1 - w.r.IntN(depth)) }
	switch w.r.IntN(14) {
	case 0, 1, 2:
		return fmt.Sprintf("%s %s %s", w.leaf(), w.pick("==", "!=", "<", "<=", ">", ">="), w.leaf())
	case 3, 4:
		return fmt.Sprintf("(%s) %s (%s)", sub(), w.pick("&&", "||", "and", "or"), sub())
	case 5:
		return fmt.Sprintf("%s(%s)", w.pick("!", "not ", "-", "+"), sub())
	case 6:
		return fmt.Sprintf("(%s) %s (%s)", sub(), w.pick("+", "-", "*", "%", "**", "/"), sub())
	case 7:
		return fmt.Sprintf("(%s) %s %s", sub(), w.pick("in", "not in"), w.pick(`["eu", "x"]`, "[1, 2.5, -7]", "[1, \"x\"]", "0..5", "body.d", "body.a", "[]", "[body.a, 1]"))
	case 8:
		return fmt.Sprintf("(%s) %s %s", w.leaf(), w.pick("contains", "startsWith", "endsWith", "matches"), w.pick(`"e"`, `"eu"`, `"^x$"`, "body.b", `""`))
	case 9:
		return fmt.Sprintf("(%s) ?? (%s)", sub(), sub())
	case 10:
		return fmt.Sprintf("(%s) ? (%s) : (%s)", sub(), sub(), sub())
	case 11:
		if w.plain { // which takes bytes of texts
			return fmt.Sprintf("%s(%s)", w.pick("len", "type", "abs", "upper", "lower", "float", "trim", "ceil"), sub())
		}
		return fmt.Sprintf("%s(%s)", w.pick("len", "type", "abs", "upper", "lower", "float", "trim", "first", "last", "ceil"), sub())
	case 12:
		w.loops++
		f := w.pick("filter", "map", "all", "any", "none", "one", "count", "find", "sum")
		list := w.pick("body.d", "body.a.b", "[1,2,3]", "1..4", "body.c", "body")
		if w.plain && list != "[1,2,3]" && list != "1..4" {
			list = "[body.a, body.b, body.c]" // plain expr loops over the bytes of text
		}
		return fmt.Sprintf("%s(%s, %s)", f, list, w.pick("# > 1", ".a == 1", "# == 'x'", "#.a", "true", "# in body.d"))
	}
	return fmt.Sprintf("let v = %s; v == v ? v : %s", sub(), sub())
}

func (w *writer) leaf() string {
	key := func() string { return w.pick("a", "b", "c", "d", "e", "f", "g", "nope") }
	switch n := w.r.IntN(20); {
	case n < 5:
		return "body." + key()
	case n < 7:
		return "body." + key() + "." + key()
	case n < 8:
		return "body." + key() + "?." + key()
	case n < 9:
		return "body?." + key() + "?." + key() + "." + key()
	case n < 10:
		if w.plain { // which cuts texts by bytes
			return "body." + key() + w.pick(`["a"]`, `?.["a"].b`, "[1:2]", "[:1]")
		}
		return "body." + key() + w.pick("[0]", `["a"]`, "[-1]", "[5]", "[body.a]", "?.[0]", "[0].a", `?.["a"].b`, "[1:2]", "[:1]")
	case n < 11:
		return w.pick("body", `body["a"]`, "body[-1:]", `body?.["c"]`)
	case n < 13 && !w.plain:
		return w.pick("headers.a", "headers.b", `headers["c"].a`, "headers?.d", "headers.nope", "message.id", "message.priority", "message.redelivered", "message.sequence.size", "headers.d[1]", "reply.a", "reply?.c.b", "len(headers)", "message.type", "message.history")
	}
	return w.pick("1", "2.5", "-7", "1000", "0", `"eu"`, "'x'", `""`, "nil", "1 + 1")
}

func TestSame_Table(t *testing.T) {
	for _, source := range []string{
		`body.a > 1 && body.b == "eu"`, `body.a in ["x", 1, 2.5]`, `body.a in [1, nil]`, `body.b in ["eu"]`, `1000 < body.a`, `body?.a?.b?.c`, `body?.a.b.c`, `body.a?.b.c`,
		`body.d[2].a`, `body.d?.[2].a`, `1 < body.a < 5`, `body.a ?: 3`, `(body.c ?? {}).a`, `body.g == 9223372036854775807`, `body.g == 9223372036854775806`, `body.g > 9.3e18`,
		`body.a == 1.0`, `body.g == 1000`, `body.f == nil`, `nil == body.nope`, `body.a != "1"`, `body.e == true`, `!body.e`, `body.e && body.e`, `body.e && body.a`, `body.e || body.a`,
		`headers.a + 1`, `headers["a"] == 5`, `headers.c.a == 1`, `message.priority in [4]`, `reply.a == body.a`, `reply`, `headers`, `message`, `message.sequence`, `body.b matches "^e"`, `body.b matches body.b`,
		`let x = body.a; let y = x; y`, `body.a / 0.5`, `body.a / body.e`, `body.a % 2 == 0`, `if body.a == 1 { body.b } else { body.c }`, `[body.a, body.b]`, `{"x": body.a}`, `body["a"]["b"]`, `body["a" + ""]`,
		`lower(body.b) == "eu"`, `len(body.d) > 2`, `body.b + "x"`, `body.a + 1`, `string(body.a)`, `string(body)`, `toJSON(body.a)`, `int(body.b)`, `groupBy(body.d, type(#))`, `sort([3,1])`, `uniq(body.d)`,
	} {
		w, err := newWays(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		for _, body := range bodies {
			for _, ct := range contentTypes {
				w.check(t, source, body, ct)
			}
		}
	}
}

func randomExpression(seed uint64) string {
	return (&writer{r: rand.New(rand.NewPCG(seed, 0))}).expression(4)
}
