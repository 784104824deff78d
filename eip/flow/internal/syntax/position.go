package syntax

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Map finds in a flow file what an error of an expression is about. expr is the attribute's value
// there, src the file, and value the string that expr was evaluated to; evaluate gives
// the value of a part of expr. The function that it returns takes a part of value, by
// bytes, and gives its range in the file: escapes are longer there, a heredoc is
// indented, and what came from ${var.x} is the reference itself. Where value cannot be
// told apart, the range is that of the smallest part that holds it.
func Map(expr hcl.Expression, src []byte, value string, evaluate func(hcl.Expression) (cty.Value, bool)) func(from, to int) hcl.Range {
	whole := expr.Range()
	m := mapping{src: src, filename: whole.Filename, evaluate: evaluate}
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
	isJSON   bool // src is the text of a string
	evaluate func(hcl.Expression) (cty.Value, bool)
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
		quoted := !m.isJSON && bytes.HasPrefix(m.src[e.SrcRange.Start.Byte:], []byte(`"`))
		if spans := m.template(e.Parts, quoted); len(spans) == len(value) {
			return spans
		}
	}
	return opaque(len(value), e.Range())
}

// template maps the parts of a template, each by its own value.
func (m mapping) template(parts []hclsyntax.Expression, quoted bool) (spans []span) {
	for _, p := range parts {
		if branch := m.branch(p); branch != nil {
			spans = append(spans, m.template(branch.Parts, quoted)...)
			continue
		}
		if l, ok := p.(*hclsyntax.LiteralValueExpr); ok && l.Val.Type() == cty.String {
			spans = append(spans, m.align(m.text(p), p.Range(), quoted)...)
		} else {
			spans = append(spans, opaque(len(m.text(p)), p.Range())...)
		}
	}
	return spans
}

// branch is the one that was taken of a %{ if }; nil of all else.
func (m mapping) branch(e hclsyntax.Expression) *hclsyntax.TemplateExpr {
	c, ok := e.(*hclsyntax.ConditionalExpr)
	if !ok {
		return nil
	}
	taken := c.FalseResult
	if m.text(c.Condition) == "true" {
		taken = c.TrueResult
	}
	t, _ := taken.(*hclsyntax.TemplateExpr)
	return t
}

// text is the value of a part of a template.
func (m mapping) text(e hcl.Expression) string {
	v, ok := m.evaluate(e)
	if !ok {
		return ""
	}
	v, _ = v.Unmark()
	v, err := convert.Convert(v, cty.String)
	if err != nil || v.IsNull() || !v.IsKnown() {
		return ""
	}
	return v.AsString()
}

// align maps the text of a literal to its source.
func (m mapping) align(text string, r hcl.Range, quoted bool) []span {
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

// escape reads an escape of a quoted string of HCL: Go has them all.
func escape(src []byte) (unit string, size int) {
	r, _, rest, err := strconv.UnquoteChar(string(src[:min(len(src), len(`\U0010FFFF`))]), '"')
	if err != nil {
		return "", 0
	}
	return string(r), min(len(src), len(`\U0010FFFF`)) - len(rest)
}
