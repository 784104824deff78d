package syntax

import (
	"encoding/json"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// json maps a string of a JSON file: its text is a template of its own, written
// with JSON's escapes.
func (m mapping) json(r hcl.Range, value string) []span {
	src := m.src[r.Start.Byte:r.End.Byte]
	if len(src) < 2 || src[0] != '"' {
		return opaque(len(value), r)
	}
	text, spans := unescape(src[1:len(src)-1], r.Start.Byte+1)
	e, diags := hclsyntax.ParseTemplate([]byte(text), m.filename, hcl.InitialPos)
	if diags.HasErrors() {
		return opaque(len(value), r)
	}
	inner := mapping{src: []byte(text), filename: m.filename, isJSON: true, evaluate: m.evaluate}
	in := inner.expression(e, value)
	out := make([]span, len(in))
	for i, s := range in {
		if s.end > len(spans) || s.start >= s.end {
			out[i] = span{r.Start.Byte, r.End.Byte}
			continue
		}
		out[i] = span{spans[s.start].start, spans[s.end-1].end}
	}
	return out
}

// unescape decodes the inside of a JSON string, and where each byte comes from.
func unescape(src []byte, offset int) (text string, spans []span) {
	var b strings.Builder
	for i := 0; i < len(src); {
		size := 1
		if src[i] == '\\' {
			size = 2
			if i+1 < len(src) && src[i+1] == 'u' {
				size = 6
				if i+12 <= len(src) && src[i+6] == '\\' && utf16High(src[i+2:i+6]) {
					size = 12
				}
			}
		}
		size = min(size, len(src)-i)
		var unit string
		if src[i] != '\\' || json.Unmarshal([]byte(`"`+string(src[i:i+size])+`"`), &unit) != nil {
			unit = string(src[i : i+size])
		}
		b.WriteString(unit)
		for range len(unit) {
			spans = append(spans, span{offset + i, offset + i + size})
		}
		i += size
	}
	return b.String(), spans
}

// utf16High reports whether four hexadecimal digits are the first half of a pair.
func utf16High(digits []byte) bool {
	c := digits[1] | 0x20
	return digits[0]|0x20 == 'd' && (c == '8' || c == '9' || c == 'a' || c == 'b')
}
