package expression

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Map finds in a flow file what an [Error] is about. expr is the attribute's value
// there, src the file, and value the string that expr was evaluated to. The
// function that it returns takes a part of value, by bytes, and gives its range in
// the file: escapes are longer there, a heredoc is indented, and what came from
// ${var.x} is the reference itself. Where value cannot be told apart, the range is
// that of the smallest part that holds it.
func Map(expr hcl.Expression, src []byte, value string) func(from, to int) hcl.Range {
	whole := expr.Range()
	m := mapping{src: src, filename: whole.Filename}
	var spans []span
	if e, ok := expr.(hclsyntax.Expression); ok {
		spans = m.expression(e, value)
	} else {
		spans = m.json(whole, value)
	}
	return func(from, to int) hcl.Range {
		if from < 0 || to > len(spans) || from >= to {
			return whole
		}
		return hcl.Range{Filename: whole.Filename, Start: m.pos(spans[from].start), End: m.pos(spans[to-1].end)}
	}
}

// A span is where in a file one byte of a value comes from.
type span struct{ start, end int }

type mapping struct {
	src      []byte
	filename string
}

// pos counts lines, and characters as hcl counts them, up to an offset.
func (m mapping) pos(offset int) hcl.Pos {
	start := bytes.LastIndexByte(m.src[:offset], '\n') + 1
	line := m.src[start:offset]
	p := hcl.Pos{Line: 1 + bytes.Count(m.src[:start], []byte("\n")), Column: 1 + utf8.RuneCount(line), Byte: offset}
	if p.Column == 1+len(line) { // all of one byte
		return p
	}
	all := func(data []byte, _ bool) (int, []byte, error) { return len(data), data, nil }
	s := hcl.NewRangeScanner(line, m.filename, all)
	if s.Scan() && s.Range().End.Byte == len(line) { // it gives up on very long lines
		p.Column = s.Range().End.Column
	}
	return p
}

// opaque is a value all of which comes from one place.
func opaque(length int, r hcl.Range) []span {
	spans := make([]span, length)
	for i := range spans {
		spans[i] = span{r.Start.Byte, r.End.Byte}
	}
	return spans
}

// expression maps a value of HCL's native syntax.
func (m mapping) expression(e hclsyntax.Expression, value string) []span {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return m.expression(e.Expression, value)
	case *hclsyntax.TemplateWrapExpr:
		return opaque(len(value), e.Wrapped.Range())
	case *hclsyntax.TemplateExpr:
		quoted := bytes.HasPrefix(m.src[e.SrcRange.Start.Byte:], []byte(`"`))
		return m.template(chosen(e.Parts, value), value, quoted, e.SrcRange)
	}
	return opaque(len(value), e.Range())
}

// maxChoices bounds how many ways through a template's conditions are tried.
const maxChoices = 64

// chosen puts in the place of each %{ if } the branch that was taken: where only
// one way through all of them can have made the value, it was that one.
func chosen(parts []hclsyntax.Expression, value string) []hclsyntax.Expression {
	ways := [][]hclsyntax.Expression{nil}
	for _, p := range parts {
		branches := [][]hclsyntax.Expression{{p}}
		if c, ok := p.(*hclsyntax.ConditionalExpr); ok {
			yes, isTemplate := c.TrueResult.(*hclsyntax.TemplateExpr)
			no, both := c.FalseResult.(*hclsyntax.TemplateExpr)
			if isTemplate && both {
				branches = [][]hclsyntax.Expression{yes.Parts, no.Parts}
			}
		}
		if len(ways)*len(branches) > maxChoices {
			return parts
		}
		var longer [][]hclsyntax.Expression
		for _, w := range ways {
			for _, b := range branches {
				longer = append(longer, slices.Concat(w, b))
			}
		}
		ways = longer
	}
	var found []hclsyntax.Expression
	for _, w := range ways {
		if locate(segments(w), value, searchForward) == nil {
			continue
		}
		if found != nil {
			return parts
		}
		found = w
	}
	if found == nil {
		return parts
	}
	return found
}

// A segment of a template is a literal, or references with nothing between them,
// whose values can be of any length.
type segment struct {
	text    string
	literal bool
	r       hcl.Range
}

func segments(parts []hclsyntax.Expression) (all []segment) {
	for _, p := range parts {
		l, ok := p.(*hclsyntax.LiteralValueExpr)
		if ok && l.Val.Type() == cty.String && !l.Val.IsNull() {
			all = append(all, segment{l.Val.AsString(), true, p.Range()})
		} else if n := len(all); n > 0 && !all[n-1].literal {
			all[n-1].r = hcl.RangeBetween(all[n-1].r, p.Range())
		} else {
			all = append(all, segment{r: p.Range()})
		}
	}
	return all
}

// template maps a template. Its literals are searched for in the value, from the
// value's start and from its end: where both find one in the same place, it is
// there.
func (m mapping) template(parts []hclsyntax.Expression, value string, quoted bool, whole hcl.Range) []span {
	spans, all := opaque(len(value), whole), segments(parts)
	first, last := locate(all, value, searchForward), locate(all, value, searchBackward)
	if first == nil || last == nil {
		return spans
	}
	for i, s := range all {
		end := len(value)
		if i+1 < len(all) {
			if first[i+1] != last[i+1] {
				continue
			}
			end = first[i+1]
		}
		if first[i] != last[i] {
			continue
		}
		if s.literal {
			copy(spans[first[i]:], m.align(s, quoted))
		} else {
			copy(spans[first[i]:end], opaque(end-first[i], s.r))
		}
	}
	return spans
}

// locate returns where each segment starts. Literals with nothing between them are
// searched for as one.
func locate(all []segment, value string, search func([]segment, string) []int) []int {
	var joined []segment
	for i, s := range all {
		if i > 0 && s.literal && all[i-1].literal {
			joined[len(joined)-1].text += s.text
		} else {
			joined = append(joined, s)
		}
	}
	found := search(joined, value)
	if found == nil {
		return nil
	}
	starts := make([]int, len(all))
	for i, s := range all {
		if i > 0 && s.literal && all[i-1].literal {
			starts[i] = starts[i-1] + len(all[i-1].text)
		} else {
			starts[i], found = found[0], found[1:]
		}
	}
	return starts
}

// searchForward returns where each segment starts, at the earliest; nil where the
// value is not made of them.
func searchForward(all []segment, value string) []int {
	starts, at := make([]int, len(all)), 0
	for i, s := range all {
		starts[i] = at
		if !s.literal {
			continue
		}
		n := strings.Index(value[at:], s.text)
		if i == len(all)-1 { // the last ends with the value
			n = len(value) - len(s.text) - at
		}
		if n < 0 || n > 0 && i == 0 || !strings.HasPrefix(value[at+n:], s.text) {
			return nil
		}
		starts[i] = at + n
		at += n + len(s.text)
	}
	return starts
}

// searchBackward returns where each segment starts, at the latest.
func searchBackward(all []segment, value string) []int {
	starts, end := make([]int, len(all)), len(value)
	for i := len(all) - 1; i >= 0; i-- {
		s := all[i]
		if !s.literal { // it starts where the literal before it ends
			continue
		}
		n := strings.LastIndex(value[:end], s.text)
		if i == 0 { // the first starts with the value
			n = 0
		}
		if n < 0 || n+len(s.text) > end || !strings.HasPrefix(value[n:], s.text) {
			return nil
		}
		starts[i], end = n, n
		if i+1 < len(all) {
			starts[i+1] = n + len(s.text)
		}
	}
	return starts
}

// align maps the text of a literal to its source.
func (m mapping) align(s segment, quoted bool) []span {
	r, text := s.r, s.text
	src := m.src[r.Start.Byte:r.End.Byte]
	spans := opaque(len(text), r)
	i, j := 0, 0
	for j < len(text) {
		if !quoted && (i == 0 || src[i-1] == '\n') { // a line of a heredoc may be indented
			if extra := indent(src[i:]) - indent([]byte(text[j:])); extra > 0 {
				i += extra
			}
		}
		unit, size := next(src[i:], quoted)
		if j == 0 && unit != "" && unit != text[:min(len(unit), len(text))] && strings.TrimSpace(unit) == "" { // trimmed by ~
			i += size
			continue
		}
		if size == 0 || !strings.HasPrefix(text[j:], unit) { // another normal form of Unicode
			for ; j < len(text); j++ {
				spans[j] = span{r.Start.Byte + i, r.End.Byte}
			}
			break
		}
		for range len(unit) {
			spans[j] = span{r.Start.Byte + i, r.Start.Byte + i + size}
			j++
		}
		i += size
	}
	return spans
}

// indent is how many bytes of white space a line starts with.
func indent(line []byte) int {
	rest := bytes.TrimLeftFunc(line, func(r rune) bool { return r != '\n' && unicode.IsSpace(r) })
	return len(line) - len(rest)
}

// next reads what makes one character of a literal, and how long it is written.
func next(src []byte, quoted bool) (unit string, size int) {
	switch {
	case len(src) == 0:
		return "", 0
	case bytes.HasPrefix(src, []byte("$${")) || bytes.HasPrefix(src, []byte("%%{")):
		return string(src[1:3]), 3
	case quoted && src[0] == '\\' && len(src) > 1:
		return escape(src)
	}
	_, size = utf8.DecodeRune(src)
	return string(src[:size]), size
}

// escape reads an escape of a quoted string of HCL.
func escape(src []byte) (unit string, size int) {
	digits := 0
	switch src[1] {
	case 'n':
		return "\n", 2
	case 'r':
		return "\r", 2
	case 't':
		return "\t", 2
	case '"', '\\':
		return string(src[1]), 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	}
	if digits == 0 || len(src) < 2+digits {
		return "", 0
	}
	var r rune
	for _, c := range src[2 : 2+digits] {
		n := strings.IndexByte("0123456789abcdef", c|0x20)
		if n < 0 {
			return "", 0
		}
		r = r<<4 | rune(n)
	}
	return string(r), 2 + digits
}
