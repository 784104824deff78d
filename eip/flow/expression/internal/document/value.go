package document

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/eipd/eipd/eip/content"
)

// A Kind is what a JSON value is.
type Kind uint8

// The kinds. The zero Value is null.
const (
	Null Kind = iota
	Bool
	Int
	Float
	Number // which neither an int nor a float64 gives back as it is written
	Text
	List
	Map
)

// A Value is a part of a document, decoded as far as needed.
type Value struct {
	Kind Kind
	bits uint64 // of an Int, a Float or a Bool
	raw  []byte // of a Text, without its quotes and without escapes; of a Number, List or Map, all of it
}

// newValue reads the value that raw is, which is valid.
func newValue(raw []byte) Value {
	switch raw[0] {
	case '{':
		return Value{Kind: Map, raw: raw}
	case '[':
		return Value{Kind: List, raw: raw}
	case '"':
		raw = raw[1 : len(raw)-1]
		if bytes.IndexByte(raw, '\\') >= 0 {
			raw = []byte(unquote(raw))
		}
		return Value{Kind: Text, raw: raw}
	case 't':
		return Value{Kind: Bool, bits: 1}
	case 'f':
		return Value{Kind: Bool}
	case 'n':
		return Value{}
	}
	if i, ok := integer(raw); ok {
		return Value{Kind: Int, bits: uint64(i)}
	}
	if f, ok := content.SameFloat(string(raw)); ok {
		return Value{Kind: Float, bits: math.Float64bits(f)}
	}
	return Value{Kind: Number, raw: raw}
}

// Is reports whether v is the text s.
func (v Value) Is(s string) bool { return v.Kind == Text && string(v.raw) == s }

// Int is the value of an Int.
func (v Value) Int() int { return int(v.bits) }

// Float is the value of an Int or Float; false where v is neither.
func (v Value) Float() (float64, bool) {
	switch v.Kind {
	case Int:
		return float64(int(v.bits)), true
	case Float:
		return math.Float64frombits(v.bits), true
	}
	return 0, false
}

// Any decodes v, as eip.Message's Value does.
func (v Value) Any() any {
	decoded, _ := v.decode()
	return decoded
}

// Empty is Any, but nothing is in a list or map.
func (v Value) Empty() any {
	switch v.Kind {
	case List:
		return []any{}
	case Map:
		return map[string]any{}
	}
	return v.Any()
}

// decode also reports whether there is a Number in it.
func (v Value) decode() (_ any, exact bool) {
	switch v.Kind {
	case Bool:
		return v.bits == 1, false
	case Int:
		return int(v.bits), false
	case Float:
		return math.Float64frombits(v.bits), false
	case Text:
		return string(v.raw), false
	case List, Map:
		d := decoder{src: v.raw}
		return d.value(), d.exact
	case Number:
		return json.Number(v.raw), true
	}
	return nil, false
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
	exact bool // a Number was seen
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
	v, exact := newValue(d.src[start:d.i]).decode()
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
