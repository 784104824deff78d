// Package visible shows text that came from outside: what would move a terminal's
// cursor, colour it, turn its direction or not be seen at all is written as an
// escape, like \x1b and \u202e.
package visible

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line shows a text on one line.
func Line(text string) string { return show(text, "") }

// Lines shows a text with its line breaks and tabs.
func Lines(text string) string { return show(text, "\n\t") }

// Short is a text that has at most so many bytes, which are more than 3: where it is
// longer, its beginning and an ellipsis.
func Short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const cut = "…"
	return strings.ToValidUTF8(text[:max(most-len(cut), 0)], "") + cut
}

// JSON shows JSON as other JSON of the same meaning. What it escapes can stand only
// within strings.
func JSON(text string) string {
	if clean(text, "\n\r\t") {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		switch {
		case plain(r, "\n\r\t"):
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		default: // the replacement character too, as decoders take what is no UTF-8
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// A Writer shows what is written to it, which must be whole texts.
type Writer struct {
	To   io.Writer
	Show func(string) string
}

func (w Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.To, w.Show(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

func show(text, layout string) string {
	if clean(text, layout) {
		return text
	}
	var out strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&out, `\x%02x`, text[i])
		case plain(r, layout):
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\r':
			out.WriteString(`\r`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func clean(text, layout string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r, layout) })
}

// plain reports whether a terminal shows r where it stands, as what it is. The
// categories C are control characters, marks of direction, joiners and the like.
func plain(r rune, layout string) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r != 0x7f || strings.ContainsRune(layout, r)
	}
	return !unicode.In(r, unicode.C, unicode.Zl, unicode.Zp)
}
