package flow

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/internal/visible"
)

// writeDiagnostic prints one diagnostic:
//
//	flows/orders.hcl:7:14: error: Unknown queue
//	  7 |   to = queue.ordrs
//	    |        ^^^^^^^^^^^
//	  There is no queue "ordrs". Did you mean queue.orders?
func (c *Config) writeDiagnostic(w *strings.Builder, d *hcl.Diagnostic, files map[string]*hcl.File, color bool) {
	severity, paint := "error", "31"
	if d.Severity == hcl.DiagWarning {
		severity, paint = "warning", "33"
	}
	style := func(code, s string) string {
		if !color {
			return s
		}
		return "\x1b[1;" + code + "m" + s + "\x1b[0m"
	}
	if d.Subject != nil {
		fmt.Fprintf(w, "%s:%d:%d: ", visible.Line(d.Subject.Filename), d.Subject.Start.Line, d.Subject.Start.Column)
	}
	fmt.Fprintf(w, "%s: %s\n", style(paint, severity), style("0", visible.Line(d.Summary)))
	if d.Subject != nil && files[d.Subject.Filename] != nil {
		c.excerpt(w, d.Subject, files[d.Subject.Filename].Bytes, func(s string) string { return style(paint, s) })
	}
	fmt.Fprintf(w, "  %s\n\n", visible.Lines(strings.TrimSpace(c.Redact(d.Detail))))
}

const maxExcerpt = 160

// excerpt prints the first line of a range, with the range underlined.
func (c *Config) excerpt(w *strings.Builder, r *hcl.Range, src []byte, paint func(string) string) {
	if r.Start.Byte > len(src) || len(src) == 0 {
		return
	}
	begin := bytes.LastIndexByte(src[:r.Start.Byte], '\n') + 1
	end := len(src)
	if i := bytes.IndexByte(src[r.Start.Byte:], '\n'); i >= 0 {
		end = r.Start.Byte + i
	}
	line, from, to := c.hideLine(string(src[begin:end]), r.Start.Byte-begin, max(min(r.End.Byte, end), r.Start.Byte)-begin)
	if from > maxExcerpt/2 && len(line) > maxExcerpt {
		cut := from - maxExcerpt/2
		line, from, to = line[cut:], from-cut, to-cut
	}
	if len(line) > maxExcerpt {
		line, to = line[:maxExcerpt], min(to, maxExcerpt)
	}
	number := fmt.Sprint(r.Start.Line)
	blank := strings.Repeat(" ", len(number))
	before, guilty, after := visible.Lines(line[:from]), visible.Lines(line[from:to]), visible.Lines(strings.TrimRight(line[to:], "\r"))
	indent := strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, before)
	mark := strings.Repeat("^", max(1, utf8.RuneCountInString(guilty)))
	fmt.Fprintf(w, "  %s | %s%s%s\n  %s | %s%s\n", number, before, guilty, after, blank, indent, paint(mark))
}

// hideLine hides secrets in a line, and returns where a part of it then is.
func (c *Config) hideLine(line string, from, to int) (hidden string, newFrom, newTo int) {
	if hidden = c.Redact(line); hidden == line {
		return line, from, to
	}
	from = min(len(c.Redact(line[:from])), len(hidden))
	return hidden, from, max(from, len(hidden)-len(c.Redact(line[to:])))
}
