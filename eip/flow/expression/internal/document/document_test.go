package document

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
)

// reference decodes JSON by the standard library.
func reference(src []byte) (any, error) {
	return eip.New(src, nil).With(func(m *eip.Message) { m.ContentType = "application/json" }).Value()
}

// follow is what Get must find, on the decoded value.
func follow(v any, keys []string) (any, int) {
	for i, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return v, i
		}
		v = m[k]
	}
	return v, len(keys)
}

func check(t *testing.T, src []byte, paths [][]string) {
	t.Helper()
	want, err := reference(src)
	d, got := Parse(src)
	if (err == nil) != (got == nil) {
		t.Fatalf("Parse(%q): %v, but decoding all of it: %v", src, got, err)
	}
	if err != nil {
		return
	}
	if v, _, _ := d.Whole(nil); !reflect.DeepEqual(v, want) {
		t.Fatalf("decode(%q) = %#v, want %#v", src, v, want)
	}
	for range 2 { // the second time from memory
		for _, keys := range paths {
			p := NewPath(keys...)
			wantValue, wantSteps := follow(want, keys)
			v, steps, _, _ := d.Any(p, nil)
			if steps != wantSteps || !reflect.DeepEqual(v, wantValue) {
				t.Fatalf("Any(%q, %q) = %#v, %d, want %#v, %d", src, keys, v, steps, wantValue, wantSteps)
			}
		}
	}
}

var samples = []string{
	`{}`, `[]`, `null`, `true`, `false`, `0`, `-0`, `-1`, `1.5`, `1e2`, `1E+2`, `1e-2`, `""`, `"a"`, "", " ", "\n{ }\t",
	`{"a":1}`, `{"a":{"b":{"c":2}}}`, `{"a":1,"a":2}`, `{"a":{"b":1},"a":{"c":2}}`, `{"a":{"b":1},"a":null}`,
	`{"\u0061":3}`, `{"a":1,"\u0061":3}`, `{"\\u0061":3}`, `{"a":{"\u0062":4,"b":5}}`, `{"é":1}`, "{\"\xff\":1}", "\"\xff\"", `"\ud800"`,
	`"\ud800\u0041"`, `"\ud83d\ude00"`, `"\udc00\ud800"`, `{"a":"\n\"\\\/\b\f\r\t"}`, "\"\x00\"", "\"a\nb\"", "\"\x7f\"", `"\x"`, `"\u12"`, `"\`, `"`,
	`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`, `123456789012345678`, `1234567890123456789`,
	`1e308`, `1e309`, `-1e400`, `1e-400`, strings.Repeat("9", 308), strings.Repeat("9", 310), "0." + strings.Repeat("0", 400) + "1",
	`01`, `-`, `1.`, `.5`, `1e`, `1e+`, `+1`, `1 2`, `{"a":1}x`, `{"a" 1}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `[1,]`, `[,1]`, `[1 2]`, `[`, `{`, `{"a"`, `{"a":`, `{"a":1`,
	`nul`, `tru`, `fals`, `nulll`, `NaN`, "\ufeff{}", `{"a":[{"b":1},{"b":2}],"b":"x"}`, `{"a":"text with } and ] and \" in it","b":[["]"]]}`,
	`{"":1}`, `{"a":{"":{"b":1}}}`, "{\"a\"\u00a0:1}", "{\"a\":\v1}", `[1,2.5,"x",null,true,{"a":[]}]`,
}

var somePaths = [][]string{{"a"}, {"b"}, {""}, {"a", "b"}, {"a", "b", "c"}, {"a", ""}, {"é"}, {"\ufffd"}, {"\\u0061"}}

func TestParse_AsTheStandardLibrary(t *testing.T) {
	for _, s := range samples {
		check(t, []byte(s), somePaths)
	}
}

func TestParse_Depth(t *testing.T) {
	for _, c := range []struct {
		open, close string
		depth       int
		ok          bool
	}{
		{"[", "]", MaxDepth, true}, {"[", "]", MaxDepth + 1, false}, {`{"a":`, "}", MaxDepth, true}, {`{"a":`, "}", MaxDepth + 1, false},
		{"[", "", 10_000_000, false}, {`{"a":`, "", 3_000_000, false}, {`[{"a":`, "", 3_000_000, false},
	} {
		src := strings.Repeat(c.open, c.depth)
		if c.close != "" {
			src += "1" + strings.Repeat(c.close, c.depth)
		}
		if _, err := Parse([]byte(src)); (err == nil) != c.ok {
			t.Errorf("%d times %q: %v", c.depth, c.open, err)
		}
	}
}

func TestParse_Random(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		src := randomJSON(r, 0)
		if r.IntN(4) == 0 && len(src) > 0 { // broken somewhere
			i := r.IntN(len(src))
			src = append(append(bytes.Clone(src[:i]), `"{}[]:,\u0 -e.1`[r.IntN(15)]), src[i+r.IntN(2):]...)
		}
		check(t, src, somePaths)
	}
}

func randomJSON(r *rand.Rand, depth int) []byte {
	pick := func(s ...string) []byte { return []byte(s[r.IntN(len(s))]) }
	list := func(open, close string, item func() []byte) (b []byte) {
		b = append(b, open...)
		for i := range r.IntN(5) {
			if i > 0 {
				b = append(b, pick(",", " ,", ",\n")...)
			}
			b = append(b, item()...)
		}
		return append(b, close...)
	}
	n := r.IntN(10)
	switch {
	case n < 4 || depth > 5 || depth > 0 && n < 6:
		return pick("1", "-7", "1.5", "1e3", "null", "true", "false", `"eu"`, `"a\"b"`, `"\u0061"`, `"ü"`, `"\ud800x"`, "12345678901234567890", `""`, `"]}"`)
	case n < 7:
		return list("[", "]", func() []byte { return randomJSON(r, depth+1) })
	}
	return list("{", "}", func() []byte {
		key := pick(`"a"`, `"b"`, `"c"`, `""`, `"\u0061"`, `"é"`, `"other"`)
		return append(append(key, pick(":", ": ", " :")...), randomJSON(r, depth+1)...)
	})
}

func TestDocument_Concurrent(t *testing.T) {
	d, err := Parse([]byte(`{"a":{"b":[1,2]},"b":"text","c":1.5,"d":true,"e":null,"f":7}`))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, k := range []string{"a", "b", "c", "d", "e", "f", "g"} {
				d.Any(NewPath(k), nil)
				d.Any(NewPath(k, "b"), nil)
			}
		})
	}
	wg.Wait()
	if v, steps, _, _ := d.Any(NewPath("a", "b"), nil); steps != 2 || !reflect.DeepEqual(v, []any{1, 2}) {
		t.Errorf("a.b = %v, %d", v, steps)
	}
}

func TestNewPath_EqualKeysOnly(t *testing.T) {
	p := NewPath("a", "b")
	if NewPath("a", "b").id != p.id {
		t.Error("equal paths differ")
	}
	for _, other := range [][]string{{"a"}, {"ab"}, {"a", "b", ""}, {"a1:b"}, {"b", "a"}} {
		if p.id == NewPath(other...).id {
			t.Errorf("a, b is %q", other)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s), "a", "b")
	}
	f.Fuzz(func(t *testing.T, src []byte, a, b string) {
		check(t, src, [][]string{{a}, {b}, {a, b}})
	})
}
