package local

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern  string
		yes, not []string
	}{
		{"", []string{"", "a", "a.b"}, nil},
		{"#", []string{"", "a", "a.b"}, nil},
		{"*", []string{"a", "x"}, []string{"", "a.b", "."}},
		{"a.b", []string{"a.b"}, []string{"a", "a.b.c", "A.b", ""}},
		{"orders.*.eu", []string{"orders.1.eu", "orders..eu"}, []string{"orders.eu", "orders.1.2.eu", "orders.1.us"}},
		{"orders.#", []string{"orders", "orders.1", "orders.1.2"}, []string{"order", "x.orders"}},
		{"#.eu", []string{"eu", "a.eu", "a.b.eu", "eu.eu"}, []string{"a.eu.b", ""}},
		{"a.#.b.#.c", []string{"a.b.c", "a.x.b.b.y.c", "a.b.c.c"}, []string{"a.c", "a.b", "a.b.c.d"}},
		{"#.*", []string{"a", "a.b"}, []string{""}},
		{"*.#.*", []string{"a.b", "a.x.b"}, []string{"a", ""}},
		{"#.#", []string{"", "a", "a.b"}, nil},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
		}
		for _, key := range tt.yes {
			if !p.Match(key) {
				t.Errorf("%q does not match %q", tt.pattern, key)
			}
		}
		for _, key := range tt.not {
			if p.Match(key) {
				t.Errorf("%q matches %q", tt.pattern, key)
			}
		}
	}
	for _, bad := range []string{"a*", "a.#b", "**", "a.*b.c"} {
		if _, err := ParsePattern(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// A key from outside must not make matching slow: with backtracking, this one would
// not end.
func TestPattern_HostileKey(t *testing.T) {
	p, _ := ParsePattern(strings.Repeat("#.a.", 20) + "b")
	if p.Match(strings.Repeat("a.", 50_000)) {
		t.Error("matched")
	}
}

// match is the definition: slow, and plainly right.
func match(p, key []string) bool {
	switch {
	case len(p) == 0:
		return len(key) == 0
	case p[0] == "#":
		return match(p[1:], key) || len(key) > 0 && match(p, key[1:])
	case len(key) == 0:
		return false
	}
	return (p[0] == "*" || p[0] == key[0]) && match(p[1:], key[1:])
}

func FuzzPattern(f *testing.F) {
	f.Add("a.#.b", "a.x.y.b")
	f.Add("*.#", "")
	f.Add("#.a.#.a", "a.a.b.a")
	f.Fuzz(func(t *testing.T, pattern, key string) {
		p, err := ParsePattern(pattern)
		if err != nil || len(pattern) > 16 || len(key) > 16 {
			return
		}
		var words []string
		if key != "" {
			words = strings.Split(key, ".")
		}
		definition := p
		if p == nil {
			definition = Pattern{"#"}
		}
		if got, want := p.Match(key), match(definition, words); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, key, got, want)
		}
	})
}
