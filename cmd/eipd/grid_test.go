package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/eipd/eipd/eip/manage/control"
)

// A table is printed whatever its rows are like: rows of every length, of any texts, at
// any width. No line is wider than it may be, none has a letter that is shown as more,
// and no row is lost.
func FuzzGrid(f *testing.F) {
	f.Add("ADDRESS\tSENT\tFAILED\nqueue.a\t>5", 0, 1)
	f.Add("A\nb\tc\td\n\ne", 3, 2)
	f.Add("\n\n", 1, 0)
	f.Add("Zürich\t\x1b[31m\xff\t\u202e", -4, -1)
	f.Fuzz(func(t *testing.T, text string, width, marked int) {
		width %= 200
		for _, colours := range []bool{false, true} {
			g := &grid{marked: marked, colours: colours}
			for line := range strings.SplitSeq(text, "\n") {
				var row []cell
				for word := range strings.SplitSeq(line, "\t") {
					word, right := strings.CutPrefix(word, ">")
					row = append(row, cell{text: word, right: right, style: red})
				}
				if line == "" {
					row = nil
				}
				g.add(row...)
			}
			lines := g.lines(width)
			if len(lines) != len(g.rows) {
				t.Fatalf("%d lines of %d rows", len(lines), len(g.rows))
			}
			for i, line := range lines {
				if strings.Contains(line, "\n") || !utf8.ValidString(line) {
					t.Errorf("%q", line)
				}
				if n := utf8.RuneCountInString(line); width > 0 && !colours && i != marked && n > width {
					t.Errorf("%d letters at a width of %d: %q", n, width, line)
				}
			}
		}
	})
}

// A command that was carried out may have gone wrong for its messages.
func TestLostMessages(t *testing.T) {
	for name, c := range map[string]struct {
		command, result string
		code            int
	}{
		"replayed":         {"replay", `{"replayed": 5, "failed_again": 0}`, 0},
		"failed again":     {"replay", `{"replayed": 0, "failed_again": 5}`, 1},
		"put in":           {"inject", `{"id": "1"}`, 0},
		"test sent":        {"inject", `{"id": "1", "test": {"outcome": "sent"}}`, 0},
		"test dropped":     {"inject", `{"id": "1", "test": {"outcome": "dropped"}}`, 0},
		"test failed":      {"inject", `{"id": "1", "test": {"outcome": "dead_lettered"}}`, 4},
		"test invalid":     {"inject", `{"id": "1", "test": {"outcome": "invalid"}}`, 4},
		"test not at end":  {"inject", `{"id": "1", "test": {"outcome": "under_way"}}`, 4},
		"something else":   {"stats", `{"f": {"failed_again": 1}}`, 0},
		"result of a kind": {"list", `[1]`, 0},
	} {
		if code, why := lostMessages(control.Reply{Command: c.command, OK: true, Result: []byte(c.result)}); code != c.code || (why == "") != (code == 0) {
			t.Errorf("%s: %d, %q", name, code, why)
		}
	}
}
