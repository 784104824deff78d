// Package decimal tells whether numbers are the same by the digits that they are
// written with, whatever their size. A float64 stands for its shortest decimal form.
package decimal

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
)

// A Number is sign × 0.DIGITS × 10^exponent, where no zeros are around the digits.
type Number struct {
	sign     int // 0 for zero
	digits   string
	exponent int64
}

// ErrExponent is what a number is refused with that nobody can compare.
var ErrExponent = errors.New("the exponent of a number has more than 18 digits")

// Parse reads a number as JSON writes it.
func Parse(text string) (n Number, err error) {
	n.sign = 1
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		n.sign, text = -1, rest
	}
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	whole = strings.TrimLeft(whole, "0")
	if n.digits = strings.TrimRight(whole+fraction, "0"); n.digits == "" {
		return Number{}, nil
	}
	if exponent != "" {
		if n.exponent, err = strconv.ParseInt(exponent, 10, 64); err != nil || max(n.exponent, -n.exponent) >= 1e18 || n.exponent == math.MinInt64 {
			return Number{}, ErrExponent
		}
	}
	n.exponent += int64(len(whole))
	if whole == "" {
		n.digits = strings.TrimLeft(n.digits, "0")
		n.exponent -= int64(len(strings.TrimRight(fraction, "0")) - len(n.digits))
	}
	return n, nil
}

// Of is the Number of an int, an int64, a finite float64 or a json.Number; false for all else.
func Of(v any) (n Number, ok bool, err error) {
	switch v := v.(type) {
	case int:
		n, err = Parse(strconv.Itoa(v))
	case int64:
		n, err = Parse(strconv.FormatInt(v, 10))
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return n, false, nil
		}
		n, err = Parse(strconv.FormatFloat(v, 'e', -1, 64))
	case json.Number:
		n, err = Parse(string(v))
	default:
		return n, false, nil
	}
	return n, true, err
}

// Compare is negative where n is less than m, 0 where they are equal.
func (n Number) Compare(m Number) int {
	switch {
	case n.sign != m.sign:
		return n.sign - m.sign
	case n.exponent != m.exponent:
		return n.sign * cmp.Compare(n.exponent, m.exponent)
	}
	return n.sign * strings.Compare(n.digits, m.digits)
}

// String is the same for equal numbers.
func (n Number) String() string {
	sign, length := "", int64(len(n.digits))
	if n.sign < 0 {
		sign = "-"
	}
	switch {
	case n.sign == 0:
		return "0"
	case length <= n.exponent && n.exponent <= 40:
		return sign + n.digits + strings.Repeat("0", int(n.exponent-length))
	case 0 < n.exponent && n.exponent < length:
		return sign + n.digits[:n.exponent] + "." + n.digits[n.exponent:]
	case -6 < n.exponent && n.exponent <= 0:
		return sign + "0." + strings.Repeat("0", int(-n.exponent)) + n.digits
	}
	return sign + n.digits + "e" + strconv.FormatInt(n.exponent-length, 10)
}

// Int is a whole number of 64 bits.
func (n Number) Int() (int, bool) {
	if n.exponent < int64(len(n.digits)) || n.exponent > 19 {
		return 0, n.sign == 0
	}
	i, err := strconv.Atoi(n.String())
	return i, err == nil
}

// Whole is n without its fraction.
func (n Number) Whole() Number {
	switch {
	case n.exponent <= 0:
		return Number{}
	case n.exponent < int64(len(n.digits)):
		n.digits = strings.TrimRight(n.digits[:n.exponent], "0")
	}
	return n
}

// Float is the float64 that stands for n; false where there is none.
func (n Number) Float() (float64, bool) {
	if n.exponent > 400 || n.exponent < -400 {
		return 0, false
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return 0, false
	}
	back, _, _ := Of(f)
	return f, back == n
}

// Plain is the int or float64 that can be computed with in the place of a number;
// false where that would be another. What is written as an integer is none that
// computes as a float would.
func Plain(number json.Number) (any, bool) {
	n, err := Parse(string(number))
	if err != nil {
		return nil, false
	}
	if strings.ContainsAny(string(number), ".eE") {
		if f, ok := n.Float(); ok {
			return f, true
		}
	}
	i, ok := n.Int()
	return i, ok
}

// Canonical is the same for numbers that are equal: an int, else a float64, else a
// json.Number. Anything else is itself.
func Canonical(v any) (any, error) {
	const safe = 1 << 53
	if f, isFloat := v.(float64); isFloat && -safe < f && f < safe {
		if i := int(f); float64(i) == f {
			return i, nil
		}
		return f, nil
	}
	if _, isInt := v.(int); isInt {
		return v, nil
	}
	n, ok, err := Of(v)
	if err != nil || !ok {
		return v, err
	}
	if i, ok := n.Int(); ok {
		return i, nil
	}
	if f, ok := n.Float(); ok && -safe < f && f < safe {
		return f, nil
	}
	return json.Number(n.String()), nil
}

// Scaled writes an integer with so many digits behind the point.
func Scaled(value int64, scale int) string {
	digits, sign := strconv.FormatInt(value, 10), ""
	if value < 0 {
		digits, sign = digits[1:], "-"
	}
	if scale == 0 {
		return sign + digits
	}
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}
