package flow

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// writeDiagnostic prints one diagnostic:
//
//	flows/orders.hcl:7:14: error: Unknown queue
//	  7 |   to = queue.ordrs
//	    |        ^^^^^^^^^^^
//	  There is no queue "ordrs". Did you mean queue.orders?
func writeDiagnostic(w *strings.Builder, d *hcl.Diagnostic, files map[string]*hcl.File, color bool) {
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
		fmt.Fprintf(w, "%s:%d:%d: ", d.Subject.Filename, d.Subject.Start.Line, d.Subject.Start.Column)
	}
	fmt.Fprintf(w, "%s: %s\n", style(paint, severity), style("0", d.Summary))
	if d.Subject != nil && files[d.Subject.Filename] != nil {
		excerpt(w, d.Subject, files[d.Subject.Filename].Bytes, func(s string) string { return style(paint, s) })
	}
	fmt.Fprintf(w, "  %s\n\n", strings.TrimSpace(d.Detail))
}

const maxExcerpt = 160

// excerpt prints the first line of a range, with the range underlined.
func excerpt(w *strings.Builder, r *hcl.Range, src []byte, paint func(string) string) {
	if r.Start.Byte > len(src) || len(src) == 0 {
		return
	}
	begin := bytes.LastIndexByte(src[:r.Start.Byte], '\n') + 1
	end := len(src)
	if i := bytes.IndexByte(src[r.Start.Byte:], '\n'); i >= 0 {
		end = r.Start.Byte + i
	}
	line, from, to := src[begin:end], r.Start.Byte-begin, max(min(r.End.Byte, end)-begin, r.Start.Byte-begin)
	if from > maxExcerpt/2 && len(line) > maxExcerpt {
		cut := from - maxExcerpt/2
		line, from, to = line[cut:], from-cut, to-cut
	}
	if len(line) > maxExcerpt {
		line, to = line[:maxExcerpt], min(to, maxExcerpt)
	}
	number := fmt.Sprint(r.Start.Line)
	blank := strings.Repeat(" ", len(number))
	indent := strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, string(line[:from]))
	mark := strings.Repeat("^", max(1, len([]rune(string(line[from:to])))))
	fmt.Fprintf(w, "  %s | %s\n  %s | %s%s\n", number, bytes.TrimRight(line, "\r"), blank, indent, paint(mark))
}
