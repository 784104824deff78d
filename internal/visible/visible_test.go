package visible_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/eipd/eipd/internal/visible"
)

func TestShow(t *testing.T) {
	for in, want := range map[string]struct{ line, lines, json string }{
		"plain ünïcödé 漢字 🙂":          {"plain ünïcödé 漢字 🙂", "plain ünïcödé 漢字 🙂", "plain ünïcödé 漢字 🙂"},
		"a\nb\tc":                     {`a\nb\tc`, "a\nb\tc", "a\nb\tc"},
		"a\rb":                        {`a\rb`, `a\rb`, "a\rb"},
		"\x1b[2J":                     {`\x1b[2J`, `\x1b[2J`, `\u001b[2J`},
		"\x00\a\x7f":                  {`\x00\x07\x7f`, `\x00\x07\x7f`, `\u0000\u0007\u007f`},
		"\u009b2J":                    {`\u009b2J`, `\u009b2J`, `\u009b2J`},
		"a\u202eb\u2066c\u200f\u061c": {`a\u202eb\u2066c\u200f\u061c`, `a\u202eb\u2066c\u200f\u061c`, `a\u202eb\u2066c\u200f\u061c`},
		"\u200b\ufeff\u2028\u00ad":    {`\u200b\ufeff\u2028\u00ad`, `\u200b\ufeff\u2028\u00ad`, `\u200b\ufeff\u2028\u00ad`},
		"\U000e0041":                  {`\U000e0041`, `\U000e0041`, `\udb40\udc41`},
		"\x9b\xff\uFFFD":              {`\x9b\xff` + "\uFFFD", `\x9b\xff` + "\uFFFD", "\uFFFD\uFFFD\uFFFD"},
	} {
		if got := visible.Line(in); got != want.line {
			t.Errorf("Line(%q) = %q, want %q", in, got, want.line)
		}
		if got := visible.Lines(in); got != want.lines {
			t.Errorf("Lines(%q) = %q, want %q", in, got, want.lines)
		}
		if got := visible.JSON(in); got != want.json {
			t.Errorf("JSON(%q) = %q, want %q", in, got, want.json)
		}
	}
}

// What JSON shows decodes to what it showed.
func FuzzJSON(f *testing.F) {
	f.Add("\u009b\u202e\U000e0041\x7f\"\\", int64(1))
	f.Fuzz(func(t *testing.T, text string, _ int64) {
		before, err := json.Marshal(map[string]string{text: text})
		if err != nil {
			t.Skip()
		}
		shown := visible.JSON(string(before))
		var a, b map[string]string
		if json.Unmarshal(before, &a) != nil || json.Unmarshal([]byte(shown), &b) != nil || len(a) != len(b) {
			t.Fatalf("%q became %q", before, shown)
		}
		for k, v := range a {
			if b[k] != v {
				t.Errorf("%q became %q", v, b[k])
			}
		}
		if strings.ContainsAny(shown, "\x7f\u009b\u202e") {
			t.Errorf("%q", shown)
		}
	})
}

func TestShort(t *testing.T) {
	for text, want := range map[string]string{"": "", "12345678": "12345678", "123456789": "12345…", "1234äöü": "1234…", "ääää": "ääää", "äääää": "ää…"} {
		if got := visible.Short(text, 8); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
}
