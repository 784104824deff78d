package content_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/content"
)

func TestSelection(t *testing.T) {
	for _, c := range []struct{ paths, text, keep, without string }{
		{"a", `{"a":1,"b":2}`, `{"a":1}`, `{"b":2}`},
		{"b", `{"a":1,"b":2}`, `{"b":2}`, `{"a":1}`},
		{"b", `{"a":1,"b":2,"c":3}`, `{"b":2}`, `{"a":1,"c":3}`},
		{"a c", `{"a":1,"b":2,"c":3}`, `{"a":1,"c":3}`, `{"b":2}`},
		{"x", `{"a":1,"b":2}`, `{}`, `{"a":1,"b":2}`},
		{"a b", `{"a":1,"b":2}`, `{"a":1,"b":2}`, `{}`},
		{"a", ` { "a" : 1.50 , "b" : [ 2 ] } `, ` { "a" : 1.50 } `, ` { "b" : [ 2 ] } `},
		{"b", "{\n  \"a\": 1,\n  \"b\": 1e400,\n  \"c\": 12345678901234567890\n}\n", "{\n  \"b\": 1e400\n}\n", "{\n  \"a\": 1,\n  \"c\": 12345678901234567890\n}\n"},
		{"a", `{"a":1,"b":2,"a":3}`, `{"a":1,"a":3}`, `{"b":2}`},
		{"a.b", `{"a":{"b":1,"c":2},"d":{"b":3}}`, `{"a":{"b":1}}`, `{"a":{"c":2},"d":{"b":3}}`},
		{"a.b", `{"a":{"c":2}}`, `{"a":{}}`, `{"a":{"c":2}}`},
		{"a.b", `{"a":5,"c":{}}`, `{}`, `{"a":5,"c":{}}`},
		{"a a.b", `{"a":{"b":1,"c":2}}`, `{"a":{"b":1,"c":2}}`, `{}`},
		{"lines.sku", `{"lines":[{"sku":"a","n":1},{"n":2},3,[{"sku":"b"}]],"id":7}`, `{"lines":[{"sku":"a"},{},[{"sku":"b"}]]}`, `{"lines":[{"n":1},{"n":2},3,[{}]],"id":7}`},
		{"sku", `[{"sku":1,"n":2},{"n":3}]`, `[{"sku":1},{}]`, `[{"n":2},{"n":3}]`},
		{"key", `{"\u006bey":1,"ke\"y":2,"key\\":3}`, `{"\u006bey":1}`, `{"ke\"y":2,"key\\":3}`},
		{"a", `{"b":"},\"]{","a":"x"}`, `{"a":"x"}`, `{"b":"},\"]{"}`},
		{"a", `[]`, `[]`, `[]`},
		{"a", `{}`, `{}`, `{}`},
		{"a", `7`, "it is a number and has no members", `7`},
		{"a", `"a"`, "it is text and has no members", `"a"`},
		{"a", `{"a":1,}`, "line 1, column 8", "line 1, column 8"},
		{"a", "{\"a\":\"\xff\"}", "invalid UTF-8", "invalid UTF-8"},
	} {
		s, err := content.Select(strings.Fields(c.paths)...)
		if err != nil {
			t.Fatal(err)
		}
		for what, f := range map[string]struct {
			cut  func([]byte) ([]byte, error)
			want string
		}{"keep": {s.Keep, c.keep}, "without": {s.Without, c.without}} {
			before := strings.Clone(c.text)
			got, err := f.cut([]byte(c.text))
			if err != nil && !strings.Contains(err.Error(), f.want) || err == nil && string(got) != f.want {
				t.Errorf("%s %s of %s: %q, %v; want %q", what, c.paths, c.text, got, err, f.want)
			}
			if c.text != before {
				t.Errorf("%s changed what it was given", what)
			}
		}
	}
	for _, wrong := range []string{"", ".", "a.", "a..b"} {
		if _, err := content.Select(wrong); err == nil {
			t.Errorf("%q is no path", wrong)
		}
	}
}

// What is kept and what is taken away are what they are for a decoder, and all that stays
// stands in the text as it did, in its order.
func TestSelection_AsDecoded(t *testing.T) {
	r := rand.New(rand.NewPCG(rand.Uint64(), 0))
	keys := []string{"a", "b", `c"`, "ü", "d"}
	var text func(depth int) string
	list := func(open, close string, n int, each func(int) string) string {
		blank := func() string { return []string{"", "", " ", "\n\t"}[r.IntN(4)] }
		parts := make([]string, n)
		for i := range parts {
			parts[i] = blank() + each(i) + blank()
		}
		return open + strings.Join(parts, ",") + blank() + close
	}
	text = func(depth int) string {
		switch n := r.IntN(7); {
		case n == 0 || depth == 0:
			return []string{"1.50", "12345678901234567890", "1e400", "-0", `"],}{\"\\"`, "true", "null", `"ü\u00fc"`}[r.IntN(8)]
		case n < 3:
			return list("[", "]", r.IntN(4), func(int) string { return text(depth - 1) })
		}
		order := r.Perm(len(keys))
		return list("{", "}", r.IntN(len(keys)), func(i int) string {
			key, _ := json.Marshal(keys[order[i]])
			return string(key) + []string{":", " : "}[r.IntN(2)] + text(depth-1)
		})
	}
	for range 20_000 {
		var paths []string
		for range 1 + r.IntN(4) {
			var path []string
			for range 1 + r.IntN(3) {
				path = append(path, keys[r.IntN(len(keys))])
			}
			paths = append(paths, strings.Join(path, "."))
		}
		s, err := content.Select(paths...)
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(text(5))
		kept, err := s.Keep(body)
		if err == nil {
			check(t, paths, body, kept, keepDecoded)
		}
		rest, err := s.Without(body)
		if err != nil {
			t.Fatal(err)
		}
		check(t, paths, body, rest, withoutDecoded)
	}
}

func check(t *testing.T, paths []string, body, got []byte, same func(v any, paths [][]string) any) {
	t.Helper()
	var split [][]string
	for _, p := range paths {
		split = append(split, strings.Split(p, "."))
	}
	if want := same(exactly(t, body), split); !reflect.DeepEqual(exactly(t, got), want) {
		t.Fatalf("%q of %s is %s, want %v", paths, body, got, want)
	}
	rest := body // got is what remains of it when some is left out
	for _, b := range got {
		i := bytes.IndexByte(rest, b)
		if i < 0 {
			t.Fatalf("%q of %s is %s", paths, body, got)
		}
		rest = rest[i+1:]
	}
}

func exactly(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// into are the paths that go on behind a key, and whether one ends there.
func into(paths [][]string, key string) (rest [][]string, ends bool) {
	for _, p := range paths {
		if p[0] != key {
			continue
		}
		if len(p) == 1 {
			return nil, true
		}
		rest = append(rest, p[1:])
	}
	return rest, false
}

func keepDecoded(v any, paths [][]string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			rest, ends := into(paths, k)
			if ends {
				m[k] = e
			} else if isFilled(e) && rest != nil {
				m[k] = keepDecoded(e, rest)
			}
		}
		return m
	case []any:
		l := []any{}
		for _, e := range v {
			if isFilled(e) {
				l = append(l, keepDecoded(e, paths))
			}
		}
		return l
	}
	return fmt.Errorf("%v is kept", v)
}

func withoutDecoded(v any, paths [][]string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			if rest, ends := into(paths, k); !ends {
				m[k] = withoutDecoded(e, rest)
			}
		}
		return m
	case []any:
		l := []any{}
		for _, e := range v {
			l = append(l, withoutDecoded(e, paths))
		}
		return l
	}
	return v
}

func isFilled(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

func FuzzSelection(f *testing.F) {
	f.Add(`{"a":{"b":[1,{"c":2}]},"b":"\u0061"}`)
	f.Add(`[[[{"a":1}, 2 ]]]`)
	s, err := content.Select("a.b.c", "b")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, cut := range []func([]byte) ([]byte, error){s.Keep, s.Without} {
			if got, err := cut([]byte(text)); err == nil && !json.Valid(got) {
				t.Errorf("%q became %q", text, got)
			}
		}
	})
}

func BenchmarkSelection(b *testing.B) {
	line := `{"sku":"a-1","name":"a pen that writes","quantity":3,"price":1.25,"note":"\u00fc"},`
	body := []byte(`{"id":7,"customer":{"name":"Ada","card":"4111111111111111"},"lines":[` + strings.TrimSuffix(strings.Repeat(line, 10), ",") + `]}`)
	s, err := content.Select("id", "lines.sku", "lines.quantity")
	if err != nil {
		b.Fatal(err)
	}
	for name, cut := range map[string]func([]byte) ([]byte, error){"keep": s.Keep, "without": s.Without} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cut(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
