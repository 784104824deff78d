package conformance

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A mark is an expected report.
type mark struct {
	places []place // at one of these
	group  string  // one of all marks of a group is enough
	words  string
}

// A place is a column of a line; 0 is any.
type place struct {
	file         string
	line, column int
}

func (p place) String() string { return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.column) }

func (p place) includes(q place) bool {
	return strings.HasSuffix(q.file, p.file) && (p.line == 0 || p.line == q.line) &&
		(p.column == 0 || p.column == q.column)
}

func (m mark) includes(q place) bool {
	return slices.ContainsFunc(m.places, func(p place) bool { return p.includes(q) })
}

var (
	caretLine = regexp.MustCompile(`^\s*#[ ]*(\^[\^ ]*)(\??)(.*)$`)
	errorLine = regexp.MustCompile(`^((?:[^:]+:(?:\d+|\*):(?:\d+|\*)\|?)+):(.*)$`)
	position  = regexp.MustCompile(`([\w./-]+\.(?:hcl|hcl\.json|expr)):(\d+|\*):(\d+|\*)`)
	gutter    = regexp.MustCompile(`^\s*(?:\d+\s*[|:│])?\s*|^\s*[|│]\s*`)
)

// positions returns the places that text names.
func positions(text string) []place {
	var all []place
	for _, m := range position.FindAllStringSubmatch(text, -1) {
		p := place{file: m[1]}
		p.line, _ = strconv.Atoi(m[2])
		p.column, _ = strconv.Atoi(m[3])
		all = append(all, p)
	}
	return all
}

// marks collects a case's expected reports.
func (c *testCase) marks(t *testing.T) []mark {
	t.Helper()
	var all []mark
	for _, f := range c.files {
		guilty := 0
		for i, line := range lines(string(f.data)) {
			m := caretLine.FindStringSubmatchIndex(line)
			if m == nil {
				guilty = i + 1
				continue
			}
			x := mark{words: strings.TrimSpace(line[m[6]:m[7]])}
			if m[4] < m[5] {
				x.group = x.words
			}
			for col := m[2]; col < m[3]; col++ {
				switch {
				case line[col] != '^':
				case col == 1:
					x.places = append(x.places, place{f.name, guilty, 1})
				default:
					x.places = append(x.places, place{f.name, guilty, col + 1})
				}
			}
			all = append(all, x)
		}
	}
	if f, ok := c.wanted("errors"); ok {
		for _, line := range lines(string(f.data)) {
			m := errorLine.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("want/errors: %q is not FILE:LINE:COLUMN: words", line)
			}
			all = append(all, mark{places: positions(m[1]), words: strings.TrimSpace(m[2])})
		}
	}
	return all
}

// checkReport holds what was reported against the marks.
func checkReport(t *testing.T, c *testCase, marks []mark, report string) {
	t.Helper()
	if len(marks) == 0 {
		return
	}
	prose := withoutSource(c, report)
	found := map[string]bool{}
	for _, m := range marks {
		reported := slices.ContainsFunc(positions(report), m.includes)
		if m.group != "" {
			found[m.group] = found[m.group] || reported
		} else if !reported {
			t.Errorf("not reported: %v", m.places)
		}
		if word := missing(m.words, prose); word != "" {
			t.Errorf("the report at %v has not the word %q", m.places, word)
		}
	}
	for words, found := range found {
		if !found {
			t.Errorf("reported at none of the lines that are marked ^? %s", words)
		}
	}
	for _, p := range headlines(report) {
		if !slices.ContainsFunc(marks, func(m mark) bool { return m.includes(p) }) {
			t.Errorf("reported at %v, where nothing is wrong", p)
		}
	}
}

// headlines returns the first place of each line that begins a report.
func headlines(report string) []place {
	var all []place
	for _, line := range lines(report) {
		at := position.FindStringIndex(line)
		if at != nil && !strings.Contains(strings.TrimSpace(line[:at[0]]), " ") {
			all = append(all, positions(line)[0])
		}
	}
	return all
}

// withoutSource returns a report without the lines that quote the case's files.
func withoutSource(c *testCase, report string) string {
	source := map[string]bool{}
	for _, f := range c.files {
		for _, line := range lines(string(f.data)) {
			source[strings.TrimSpace(line)] = true
		}
	}
	var prose []string
	for _, line := range lines(report) {
		if !source[strings.TrimSpace(gutter.ReplaceAllString(line, ""))] {
			prose = append(prose, line)
		}
	}
	return strings.Join(prose, "\n")
}
