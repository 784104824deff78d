package expression

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
)

// nested writes open n times, then the middle, then shut n times.
func nested(open, middle, shut string, n int) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(shut, n)
}

// shapes are sources that grow with n in each way in which expr recurses.
var shapes = map[string]func(n int) string{
	"parentheses":      func(n int) string { return nested("(", "1", ")", n) },
	"unclosed":         func(n int) string { return nested("(", "", "", n) },
	"lists":            func(n int) string { return nested("[", "1", "]", n) },
	"maps":             func(n int) string { return nested("{a:", "1", "}", n) },
	"indexes":          func(n int) string { return nested("body[", "1", "]", n) },
	"more indexes":     func(n int) string { return "body" + strings.Repeat("[0]", n) },
	"slices":           func(n int) string { return "body" + strings.Repeat("[:1]", n) },
	"not":              func(n int) string { return nested("!", "true", "", n) },
	"not a loop":       func(n int) string { return nested("!", "any(body, #)", "", n) },
	"and a loop":       func(n int) string { return "any(body, #)" + strings.Repeat(" and body.a", n) },
	"not and a loop":   func(n int) string { return nested("!(body.a and ", "any(body, #)", ")", n) },
	"loop in middle":   func(n int) string { return nested("(body.a and ", "any(body, #)", " or body.b)", n) },
	"compare a loop":   func(n int) string { return nested("1 == (", "any(body, #)", ")", n) },
	"words not":        func(n int) string { return nested("not ", "true", "", n) },
	"minus":            func(n int) string { return nested("-", "1", "", n) },
	"plus and minus":   func(n int) string { return nested("+ -", "1", "", n) },
	"not and brackets": func(n int) string { return nested("!(", "true", ")", n) },
	"conditions":       func(n int) string { return nested("true ? 1 : ", "1", "", n) },
	"conditions left":  func(n int) string { return nested("true ? ", "1", " : 1", n) },
	"shared":           func(n int) string { return nested("(", "1", " ?: 1)", n) },
	"shared middle":    func(n int) string { return nested("1 < (", "1", ") < 1", n) },
	"ifs":              func(n int) string { return nested("if true { ", "1", " } else { 1 }", n) },
	"else ifs":         func(n int) string { return nested("if true { 1 } else ", "{ 1 }", "", n) },
	"members":          func(n int) string { return "body" + strings.Repeat(".a", n) },
	"optional members": func(n int) string { return "body" + strings.Repeat("?.a", n) },
	"methods":          func(n int) string { return "now()" + strings.Repeat(".UTC()", n) },
	"sums":             func(n int) string { return nested("1 + ", "1", "", n) },
	"texts":            func(n int) string { return nested("body.a + ", "''", "", n) },
	"powers":           func(n int) string { return nested("1 ** ", "1", "", n) },
	"coalesce":         func(n int) string { return nested("body.a ?? ", "1", "", n) },
	"ands":             func(n int) string { return nested("body.a and ", "true", "", n) },
	"comparisons":      func(n int) string { return nested("1 < ", "1", "", n) },
	"in":               func(n int) string { return nested("1 in [", "", "]", n) },
	"pipes":            func(n int) string { return "body.a" + strings.Repeat(" | trim()", n) },
	"calls":            func(n int) string { return nested("trim(", "body.a", ", 'x')", n) },
	"sorts":            func(n int) string { return nested("sort(", "body.a", ")", n) },
	"joins":            func(n int) string { return nested("join(split(", "body.a", ", ','))", n) },
	"loops":            func(n int) string { return nested("map(body, ", "#", ")", n) },
	"filters":          func(n int) string { return nested("filter(", "body", ", true)", n) },
	"reduces":          func(n int) string { return nested("reduce(body, ", "#acc", ")", n) },
	"variables":        func(n int) string { return nested("let a = 1; ", "1", "", n) },
	"variables inside": func(n int) string { return nested("let a = (", "1", "; 1); 1", n) },
	"sequences":        func(n int) string { return nested("1; ", "1", "", n) },
	"sum of a list":    func(n int) string { return "sum([" + strings.Repeat("1,", n) + "1])" },
	"strings":          func(n int) string { return nested(`"`, "", "", n) },
	"escapes":          func(n int) string { return `"` + nested(`\\`, "", "", n) + `"` },
	"back quotes":      func(n int) string { return nested("`", "", "", n) },
	"comments":         func(n int) string { return nested("/*", "1", "*/", n) },
	"templates":        func(n int) string { return nested("${", "1", "}", n) },
	"numbers":          func(n int) string { return nested("9", "", "", n) },
	"exponents":        func(n int) string { return "1e" + nested("9", "", "", n) },
	"dots":             func(n int) string { return nested(".", "", "", n) },
	"question marks":   func(n int) string { return nested("?", "", "", n) },
	"pointers":         func(n int) string { return nested("#", "", "", n) },
	"not words":        func(n int) string { return "1" + nested(" not", "", "", n) },
	"not in":           func(n int) string { return "1" + nested(" not in []", "", "", n) },
	"semicolons":       func(n int) string { return nested(";", "", "", n) },
	"commas":           func(n int) string { return "[" + nested(",", "", "", n) + "]" },
	"patterns":         func(n int) string { return `body.a matches "` + nested("(", "a", ")*", n) + `"` },
	"wide characters":  func(n int) string { return nested("é", "", "", n) },
	"no UTF-8":         func(n int) string { return nested("\xff", "", "", n) },
	"zeros":            func(n int) string { return nested("\x00", "", "", n) },
}

func TestCompile_HostileShapes(t *testing.T) {
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 12, 30, 99, 101, 1000, 5000, 100_000} {
				source := shape(n)
				_, err := Value(source)
				checkError(t, source, err)
				if n > MaxSource && err == nil {
					t.Errorf("%d times: compiles", n)
				}
			}
		})
	}
}

// checkError checks what holds for every error.
func checkError(t *testing.T, source string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%.100q: no *Error: %v", source, err)
	}
	if e.From < 0 || e.To > len(source) || e.From > e.To || e.From == e.To && source != "" {
		t.Errorf("%.100q: %d to %d of %d: %v", source, e.From, e.To, len(source), err)
	}
	if !strings.HasSuffix(e.Message, ".") || strings.ContainsAny(e.Error(), "\n\r") || !utf8.ValidString(e.Error()) || len(e.Error()) > 1000 {
		t.Errorf("%.100q: message %q", source, e.Error())
	}
	for _, word := range []string{"interface {}", "reflect", "goroutine", "expression.", "runtime error", "0x"} {
		if strings.Contains(e.Message, word) && !strings.Contains(source, word) {
			t.Errorf("%.100q: message %q speaks of %q", source, e.Message, word)
		}
	}
}

func TestEvaluate_HostileExpressions(t *testing.T) {
	ones := func(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }
	body := `{"s":"` + strings.Repeat("a", 1<<20) + `","same":"` + strings.Repeat("a", 1<<20) + `","large":` + ones(300_000) + `,"thousand":` + ones(1000) + `,"many":` + ones(99_000) +
		`,"deep":` + nested("[", ones(10_000), "]", 9_900) + `,"n":1000000000,"pattern":"(a{0,100}){10}b"}`
	m := eip.New([]byte(body), nil)
	tests := []struct{ source, err string }{ // err "": evaluates
		{`1..1000000000`, "memory"},
		{`map(1..100000, map(1..1000, #))`, "memory"},
		{`map(body.thousand, keys(body))`, ""},
		{`all(1..900000, body.s == body.same)`, "it takes more than 1000 million steps"},
		{`let r = 1..9000; all(r, all(r, true))`, "it takes"},
		{`count(body.thousand, count(body.thousand, # > 0) > 0) > 0`, ""},
		{`none(body.large, sum(body.large) == 0)`, "it takes"},
		{`none(body.large, count(body.large) == 0)`, "int where true or false is needed"},
		{`len(uniq(map(body.many, [#, #index])))`, "it takes"},
		{`len(uniq(body.large))`, ""},
		{`repeat(body.s, body.n)`, "memory"},
		{`repeat("", body.n)`, ""},
		{`replace(body.s, "a", body.s)`, "memory"},
		{`join(body.thousand | map("a"), body.s)`, "memory"},
		{`reduce(1..60, #acc + #acc, body.s)`, "memory"},
		{`let s = body.s; none(body.thousand, upper(s) == "")`, "memory"},
		{`none(body.thousand, len(split(body.s, "")) == 1)`, "memory"},
		{`reduce(body.large, [#acc], 1)`, "nested"},
		{`let a = reduce(body.many, [#acc], 1); a == a`, ""},
		{`let a = reduce(body.many, {{a: #acc}}, 1); let b = reduce(body.many[1:], {{a: #acc}}, 1); a == b`, "nested"},
		{`let a = reduce(body.many, {{a: #acc}}, 1); a in [a]`, ""},
		{`string(reduce(body.many, [#acc], 1))`, "nested"},
		{`toJSON(reduce(body.many, [#acc], 1))`, "nested"},
		{`flatten(reduce(body.many, [#acc], 1))`, "nested"},
		{`max(reduce(body.many, [#acc], 1))`, "nested"},
		{`reduce(body.many, {let a = #acc; map([1], [a])}, 1)`, "nested"},
		{`len(flatten(body.deep))`, ""}, {`median(body.deep)`, ""}, {`mean(body.deep)`, ""}, {`len(toJSON(body.deep))`, ""}, {`len(string(body.deep))`, ""},
		{`body.s matches body.pattern`, "it takes"},
		{`body.s matches body.s`, "pattern"},
		{`fromJSON(repeat("[", 1000000))`, "fromJSON"},
		{`int(1e300)`, "whole number"},
		{`sort(body.large)[0]`, ""},
	}
	for _, tt := range tests {
		limits := &Limits{}
		if tt.err == "it takes" {
			limits.Work = 20 // to be counted, it need not go on for long
		}
		v, err := Value(tt.source, limits)
		if err != nil {
			t.Errorf("%s: %v", tt.source, err)
			continue
		}
		_, err = v(context.Background(), m)
		switch {
		case tt.err == "" && err != nil:
			t.Errorf("%s: %v", tt.source, err)
		case tt.err != "" && (!eip.IsInvalid(err) || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: got %v, want an invalid message: %s", tt.source, err, tt.err)
		case err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 500):
			t.Errorf("%s: %d bytes of error", tt.source, len(err.Error()))
		}
	}
}

// What takes its time is ended with the flow.
func TestEvaluate_EndsWithItsContext(t *testing.T) {
	v, err := Value(`let r = 1..900000; all(r, all(r, true))`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v(ctx, eip.New(nil, nil)); !errors.Is(err, context.Canceled) || eip.IsInvalid(err) {
		t.Errorf("got %v, want the context's error, which is not the message's fault", err)
	}
}

// A body nested without bound must not end the process, by whichever part it is read.
func TestEvaluate_HostileBodies(t *testing.T) {
	const n = 2_000_000
	for _, body := range []string{nested("[", "", "", n), nested("[", "", "]", n), nested(`{"a":`, "1", "}", n), `{"a":` + nested("[", "", "]", n) + `}`, nested(`[{"a":`, "1", "}]", n/2)} {
		for _, source := range []string{`body.a`, `body`, `body.a.a.a`, `body.b`, `body?.a`} {
			v, err := Value(source)
			if err != nil {
				t.Fatal(err)
			}
			m := eip.New([]byte(body), nil).With(func(m *eip.Message) { m.ContentType = "application/json" })
			if _, err := v(context.Background(), m); !eip.IsInvalid(err) {
				t.Errorf("%s on %.10s…: %v", source, body, err)
			}
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, shape := range shapes {
		f.Add(shape(3), `{"a":[1,"x"]}`)
	}
	for seed := range uint64(40) {
		f.Add(randomExpression(seed), bodies[seed%4])
	}
	f.Fuzz(func(t *testing.T, source, body string) {
		for _, k := range []kind{predicate, value, text, merge} {
			_, err := compile(source, k)
			checkError(t, source, err)
		}
		w, err := newWays(source)
		if err != nil || strings.Contains(source, "now") || strings.Contains(source, "keys") || strings.Contains(source, "values") || strings.Contains(source, "Pairs") {
			return // never the same twice, or in the same order
		}
		w.check(t, source, body, "application/json")
		w.check(t, source, body, "")
	})
}
