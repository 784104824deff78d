package document

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/eipd/eipd/eip/content"
)

// decode reads the value that raw is, which is valid, as eip.Message's Value does. exact
// says that there is a json.Number in it: a number which neither an int nor a float64
// gives back as it is written.
func decode(raw []byte) (v any, exact bool) {
	switch raw[0] {
	case '{', '[':
		d := decoder{src: raw}
		return d.value(), d.exact
	case '"':
		return unquote(raw[1 : len(raw)-1]), false
	case 't', 'f':
		return raw[0] == 't', false
	case 'n':
		return nil, false
	}
	if i, ok := integer(raw); ok {
		return i, false
	}
	if f, ok := content.SameFloat(string(raw)); ok {
		return f, false
	}
	return json.Number(raw), true
}

// integer reads a number that has neither fraction nor exponent, and fits.
func integer(raw []byte) (int, bool) {
	digits := raw
	if digits[0] == '-' {
		digits = digits[1:]
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if len(digits) > 18 { // n may have overflowed
		i, err := strconv.ParseInt(string(raw), 10, 64)
		return int(i), err == nil
	}
	if raw[0] == '-' {
		return -n, n != 0 // -0 is a float
	}
	return n, true
}

// unquote resolves the escapes of a string, given without its quotes.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	quoted := make([]byte, 0, len(raw)+2)
	quoted = append(append(append(quoted, '"'), raw...), '"')
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return string(raw) // never: the scanner has checked it
	}
	return s
}

// A decoder decodes JSON that is known to be valid.
type decoder struct {
	src   []byte
	i     int
	exact bool // a json.Number was seen
}

func (d *decoder) value() any {
	switch d.space(); d.src[d.i] {
	case '{':
		return d.object()
	case '[':
		return d.list()
	}
	start := d.i
	if d.src[start] == '"' {
		d.i = closing(d.src, start+1) + 1
	} else {
		for d.i < len(d.src) && !ends(d.src[d.i]) {
			d.i++
		}
	}
	v, exact := decode(d.src[start:d.i])
	d.exact = d.exact || exact
	return v
}

// ends tells what may follow a number or word.
func ends(c byte) bool { return c == ',' || c == '}' || c == ']' || c <= ' ' }

func (d *decoder) object() any {
	m := map[string]any{}
	d.i++
	for d.space(); d.src[d.i] != '}'; d.space() {
		if d.src[d.i] == ',' {
			d.i++
			d.space()
		}
		end := closing(d.src, d.i+1)
		key := unquote(d.src[d.i+1 : end])
		d.i = end + 1
		d.space()
		d.i++ // the colon
		m[key] = d.value()
	}
	d.i++
	return m
}

func (d *decoder) list() any {
	l := []any{}
	d.i++
	for d.space(); d.src[d.i] != ']'; d.space() {
		if d.src[d.i] == ',' {
			d.i++
		}
		l = append(l, d.value())
	}
	d.i++
	return l
}

func (d *decoder) space() {
	for d.src[d.i] <= ' ' {
		d.i++
	}
}

// closing returns where the quote is that ends the string that starts at i.
func closing(src []byte, i int) int {
	for {
		n := bytes.IndexByte(src[i:], '"')
		slashes := 0
		for slashes < n && src[i+n-1-slashes] == '\\' {
			slashes++
		}
		if i += n; slashes%2 == 0 {
			return i
		}
		i++
	}
}
