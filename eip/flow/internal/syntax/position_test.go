package syntax

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

var settings = &hcl.EvalContext{Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{
	"n": cty.NumberIntVal(1000), "s": cty.StringVal("«set»"), "and": cty.StringVal(" && "), "none": cty.StringVal(""),
})}}

func evaluated(e hcl.Expression) (cty.Value, bool) {
	v, diags := e.Value(settings)
	return v, !diags.HasErrors()
}

// attribute parses a file and returns what its attribute x is.
func attribute(t *testing.T, src string) (hcl.Expression, string) {
	t.Helper()
	parse, name := func(b []byte) (*hcl.File, hcl.Diagnostics) { return hclsyntax.ParseConfig(b, "f.hcl", hcl.InitialPos) }, "f.hcl"
	if strings.HasPrefix(src, "{") {
		parse, name = func(b []byte) (*hcl.File, hcl.Diagnostics) { return hcljson.Parse(b, "f.hcl.json") }, "f.hcl.json"
	}
	file, diags := parse([]byte(src))
	if diags.HasErrors() {
		t.Fatalf("%s: %v\n%s", name, diags, src)
	}
	attributes, diags := file.Body.JustAttributes()
	if diags.HasErrors() {
		t.Fatalf("%s: %v\n%s", name, diags, src)
	}
	value, diags := attributes["x"].Expr.Value(settings)
	if diags.HasErrors() {
		t.Fatalf("%s: %v\n%s", name, diags, src)
	}
	return attributes["x"].Expr, value.AsString()
}

// The word that is looked for is written once in each source, marked by what it
// must be found as.
func TestMap(t *testing.T) {
	tests := []struct{ name, src, word, found string }{
		{"plain", `x = "body.a > boddy.b"`, "boddy", "boddy"},
		{"after escaped quotes", `x = "body.a == \"eu\" && boddy.b"`, "boddy", "boddy"},
		{"an escape itself", `x = "body.a == \"eu\""`, `"eu"`, `\"eu\"`},
		{"backslashes", `x = "body.a matches '\\\\d' && boddy"`, "boddy", "boddy"},
		{"unicode escape", `x = "'\u00e9' == boddy"`, "boddy", "boddy"},
		{"long unicode escape", `x = "'\U0001F600' == boddy"`, "boddy", "boddy"},
		{"wide characters", `x = "'é😀' == boddy"`, "boddy", "boddy"},
		{"dollar escape", `x = "'$${a}' == boddy"`, "boddy", "boddy"},
		{"in a dollar escape", `x = "'a$${b}'"`, "${", "$${"},
		{"percent escape", `x = "'%%{a}' == boddy"`, "boddy", "boddy"},
		{"lone dollars", `x = "'$ $$ %' == boddy"`, "boddy", "boddy"},
		{"before an interpolation", `x = "boddy > ${var.n}"`, "boddy", "boddy"},
		{"after an interpolation", `x = "body.a > ${var.n} && boddy"`, "boddy", "boddy"},
		{"an interpolation", `x = "body.a > ${ var.n } && b"`, "1000", "var.n"},
		{"part of an interpolation", `x = "body.a > ${var.n} && b"`, "00", "var.n"},
		{"into an interpolation", `x = "body.a > ${var.n} && b"`, "> 1000", "> ${var.n"},
		{"only an interpolation", `x = "${var.s}"`, "set", "var.s"},
		{"a reference", `x = var.s`, "set", "var.s"},
		{"parentheses", `x = ("body.a > boddy")`, "boddy", "boddy"},
		{"two interpolations", `x = "${var.n} < boddy && ${var.s} < b"`, "boddy", "boddy"},
		{"between two of them", `x = "a${var.and}boddy${var.and}c"`, "boddy", "boddy"},
		{"empty interpolations", `x = "a ${var.none}${var.none} boddy"`, "boddy", "boddy"},
		{"told apart by nothing", `x = "a${var.and} && ${var.and}boddy"`, "boddy", "boddy"},
		{"next to another", `x = "a ${var.n}${var.s} boddy"`, "set", "var.s"},
		{"decomposed", "x = \"'e\u0301' == boddy\"", "boddy", "e\u0301' == boddy"},
		{"function", `x = true ? "boddy" : ""`, "boddy", `true ? "boddy" : ""`},
		{"directive", `x = "a %{ if true }b%{ endif } && boddy"`, "boddy", "boddy"},
		{"heredoc", "x = <<E\nbody.a >\n  boddy &&\n  c\nE\n", "boddy", "boddy"},
		{"heredoc, last line", "x = <<E\nbody.a >\n  boddy\nE\n", "boddy", "boddy"},
		{"indented heredoc", "x = <<-E\n    body.a >\n      boddy &&\n\n    c\n  E\n", "boddy", "boddy"},
		{"indented heredoc, first line", "x = <<-E\n    boddy\n      && b\n  E\n", "boddy", "boddy"},
		{"indented heredoc, after a blank line", "x = <<-E\n    a &&\n  \n\n    boddy\n  E\n", "boddy", "boddy"},
		{"indented heredoc with interpolations", "x = <<-E\n    a > ${var.n}\n      && ${var.s} ==\n    boddy\n  E\n", "boddy", "boddy"},
		{"indented heredoc that starts with one", "x = <<-E\n    ${var.n} >\n      boddy\n  E\n", "boddy", "boddy"},
		{"heredoc with backslash and quotes", "x = <<E\n'\\n' == \"a\" && boddy $${\nE\n", "boddy", "boddy"},
		{"over lines", "x = <<-E\n    a >\n    boddy\n  E\n", ">\nboddy", ">\n    boddy"},
		{"trimmed", "x = \"a ${~ var.n ~} boddy\"", "boddy", "boddy"},
		{"JSON", `{"x": "body.a > boddy"}`, "boddy", "boddy"},
		{"JSON that begins with a quote", `{"x": "\"\\d\" == boddy"}`, "boddy", "boddy"},
		{"JSON escapes", `{"x": "body.a == \"eu\" && '\u00e9\/\ud83d\ude00\t' == boddy"}`, "boddy", "boddy"},
		{"JSON interpolation", `{"x": "body.a > ${var.n} && boddy"}`, "boddy", "boddy"},
		{"JSON interpolation itself", `{"x": "body.a == \"\" && ${var.n}"}`, "1000", "var.n"},
		{"JSON reference", `{"x": "${var.s}"}`, "set", "var.s"},
		{"JSON over lines", "{\n  \"y\": 1,\n  \"x\": \"a\\n > boddy\"\n}", "boddy", "boddy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expr, value := attribute(t, tt.src)
			from := strings.LastIndex(value, tt.word)
			if from < 0 {
				t.Fatalf("%q is not in %q", tt.word, value)
			}
			r := Map(expr, []byte(tt.src), value, evaluated)(from, from+len(tt.word))
			if got := string(r.SliceBytes([]byte(tt.src))); got != tt.found {
				t.Errorf("found %q, want %q", got, tt.found)
			}
			if tt.name == "decomposed" { // a character of two runes
				if r.Start.Column != 7 || r.End.Column != 18 {
					t.Errorf("found at %v", r)
				}
				return
			}
			checkPos(t, tt.src, r.Start)
			checkPos(t, tt.src, r.End)
		})
	}
}

// checkPos compares line and column with the offset.
func checkPos(t *testing.T, src string, p hcl.Pos) {
	t.Helper()
	before := src[:p.Byte]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndex(before, "\n")+1:])
	if p.Line != line || p.Column != column {
		t.Errorf("byte %d is %d:%d, want %d:%d", p.Byte, p.Line, p.Column, line, column)
	}
}

// What cannot be told apart is at least within the range.
func TestMap_Ambiguous(t *testing.T) {
	src := `x = "a${var.and}b${var.and}${var.and}b${var.and}c"`
	expr, value := attribute(t, src)
	for from := range value {
		r := Map(expr, []byte(src), value, evaluated)(from, from+1)
		if got := string(r.SliceBytes([]byte(src))); !strings.Contains(got, value[from:from+1]) && !strings.Contains(got, "var.and") {
			t.Errorf("byte %d, %q, is found as %q", from, value[from], got)
		}
	}
}

// A line may be as long as a file, and an error at its end.
func TestMap_LongLines(t *testing.T) {
	for _, c := range []string{"!", "é"} {
		src := "y = 1\nx = \"" + strings.Repeat(c, 300_000) + "boddy\"\n"
		expr, value := attribute(t, src)
		r := Map(expr, []byte(src), value, evaluated)(len(value)-5, len(value))
		if got := string(r.SliceBytes([]byte(src))); got != "boddy" {
			t.Errorf("found %.20q", got)
		}
		checkPos(t, src, r.Start)
	}
}

func TestMap_OutOfRange(t *testing.T) {
	src := `x = "abc"`
	expr, value := attribute(t, src)
	for _, c := range [][2]int{{0, 0}, {3, 3}, {-1, 2}, {2, 1}, {0, 4}, {9, 12}} {
		if r := Map(expr, []byte(src), value, evaluated)(c[0], c[1]); string(r.SliceBytes([]byte(src))) != `"abc"` {
			t.Errorf("%v: %v", c, r)
		}
	}
}

// A source is written piece by piece, and it is noted where each byte of its value
// comes from.
type written struct {
	src   strings.Builder
	value strings.Builder
	spans []span
}

func (w *written) add(source, value string, from, to int) {
	at := w.src.Len()
	w.src.WriteString(source)
	w.value.WriteString(value)
	for range len(value) {
		w.spans = append(w.spans, span{at + from, at + to})
	}
}

var pieces = []string{"body", ".a", " ", " && ", "==", `"eu"`, "'x'", `\d`, "é", "😀", "${", "%{", "$", "%", "(", ")", "\t", "[1, 2]", "~"}

// piece writes one piece in a way that suits the form, or an interpolation.
func (w *written) piece(r *rand.Rand, form string, interpolations *int) {
	if r.IntN(8) == 0 && *interpolations < 3 {
		*interpolations++
		w.add("z", "z", 0, 1)
		w.add("${ var.s }", "«set»", 3, 8)
		w.add("z", "z", 0, 1)
		return
	}
	for _, c := range pieceOf(r) {
		s := string(c)
		source := s
		switch {
		case s == "${" || s == "%{":
		case form == "quoted" && (s == `"` || s == `\`):
			source = `\` + s
		case form == "quoted" && s == "\t":
			source = `\t`
		case form == "quoted" && r.IntN(10) == 0 && c != '$' && c != '%' && c != '{':
			source = fmt.Sprintf(`\U%08X`, c)
		case form == "json" && (s == `"` || s == `\` || s == "\t" || r.IntN(10) == 0 && c != '$' && c != '%' && c != '{'):
			source = jsonEscape(r, c)
		}
		w.add(source, s, 0, len(source))
	}
}

func pieceOf(r *rand.Rand) string {
	p := pieces[r.IntN(len(pieces))]
	if p == "${" || p == "%{" {
		return ""
	}
	return p
}

func jsonEscape(r *rand.Rand, c rune) string {
	if c > 0xffff {
		b, _ := json.Marshal(string(c))
		high, low := (c-0x10000)>>10+0xd800, (c-0x10000)&0x3ff+0xdc00
		if r.IntN(2) == 0 {
			return string(b[1 : len(b)-1])
		}
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, c)
}

func TestMap_Random(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 1500 {
		w, interpolations := &written{}, 0
		line := func(form string) {
			for range 1 + r.IntN(8) {
				w.piece(r, form, &interpolations)
				if r.IntN(12) == 0 {
					marker := []string{"${", "%{"}[r.IntN(2)]
					w.add(marker[:1]+marker, marker, 0, 3)
				}
			}
		}
		form := []string{"quoted", "heredoc", "indented", "json"}[r.IntN(4)]
		switch form {
		case "quoted":
			w.src.WriteString("y = 1\nx = \"")
			line(form)
			w.src.WriteString("\"\n")
		case "json":
			w.src.WriteString("{\"y\": 1,\n \"x\": \"")
			line(form)
			w.src.WriteString("\"}")
		default:
			flush := form == "indented"
			w.src.WriteString(map[bool]string{false: "x = <<E\n", true: "x = <<-E\n"}[flush])
			for i := range 1 + r.IntN(4) {
				if flush {
					w.src.WriteString("    ")
				}
				if i > 0 && r.IntN(3) == 0 {
					w.add("  ", "  ", 0, 2)
					w.spans[len(w.spans)-2].end-- // each is its own character
					w.spans[len(w.spans)-1].start++
				}
				w.add("z", "z", 0, 1)
				line(form)
				w.add("\n", "\n", 0, 1)
			}
			w.src.WriteString("E\n")
		}
		src := w.src.String()
		expr, value := attribute(t, src)
		if value != w.value.String() {
			t.Fatalf("%s\nis %q, want %q", src, value, w.value.String())
		}
		find := Map(expr, []byte(src), value, evaluated)
		for range 20 {
			if value == "" {
				break
			}
			from := r.IntN(len(value))
			to := from + 1 + r.IntN(len(value)-from)
			got := find(from, to)
			if want := (span{w.spans[from].start, w.spans[to-1].end}); got.Start.Byte != want.start || got.End.Byte != want.end {
				t.Fatalf("%s\n%q is found as %q, want %q", src, value[from:to], got.SliceBytes([]byte(src)), src[want.start:want.end])
			}
			checkPos(t, src, got.Start)
			checkPos(t, src, got.End)
		}
	}
}
