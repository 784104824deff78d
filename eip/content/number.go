package content

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// ParseNumber reads a number of JSON: as an int where 64 bits hold it, as a float64
// where that is written in the same way, and else as a [json.Number], which keeps
// what is written: 12345678901234567890, 1234567890123456.78, 1.0, 1e400.
func ParseNumber(text string) any {
	if i, err := strconv.Atoi(text); err == nil && text != "-0" {
		return i
	}
	if f, ok := SameFloat(text); ok {
		return f
	}
	return json.Number(text)
}

// SameFloat returns the float64 that JSON writes as text; false where there is none.
func SameFloat(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && writtenAs(f, text)
}

// writtenAs reports whether f would be encoded as text. Beyond 53 bits there are
// integers between two floats, which would seem to be equal to one.
func writtenAs(f float64, text string) bool {
	size := math.Abs(f)
	switch {
	case size >= 1<<53:
		return false
	case size >= 1e-6 && len(text) <= 16 && text[len(text)-1] != '0' && !strings.ContainsAny(text, "eE"):
		return true // 15 digits come back as they were
	}
	var some [32]byte
	format := byte('f')
	if size != 0 && size < 1e-6 {
		format = 'e'
	}
	b := strconv.AppendFloat(some[:0], f, format, -1, 64)
	if n := len(b); format == 'e' && b[n-2] == '0' { // e-07 is e-7 in JSON
		b = append(b[:n-2], b[n-1])
	}
	return string(b) == text
}
