package document

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep lists and maps may be nested.
const MaxDepth = 10000

var (
	errMalformed = errors.New("it is not valid JSON")
	errDeep      = errors.New("it is nested too deep")
	errUTF8      = errors.New("it is not valid UTF-8")
	errHalf      = errors.New("it has half of a surrogate pair")
	errLarge     = errors.New("it is larger than 4 GiB")
)

// A scanner checks JSON and notes where the keys of the outermost object are.
type scanner struct {
	src  []byte
	keys []uint32 // where each starts, after its quote
	err  error

	wide       bool // there are bytes beyond ASCII
	escapes    int  // how many escapes were seen
	escapedKey bool // one of keys is written with an escape
}

// scan checks all of src, and returns where the value in it starts and ends.
func (s *scanner) scan() (start, end int, err error) {
	start = space(s.src, 0)
	if start < len(s.src) && s.src[start] == '{' {
		end = s.object(start, 1, true)
	} else {
		end = s.value(start, 0)
	}
	switch {
	case end < 0:
		if s.err == nil {
			s.err = errMalformed
		}
	case space(s.src, end) != len(s.src):
		s.err = errMalformed
	case s.wide && !utf8.Valid(s.src):
		s.err = errUTF8
	}
	return start, end, s.err
}

// space returns where the white space from i on ends. There is seldom any.
func space(src []byte, i int) int {
	if i < len(src) && src[i] <= ' ' {
		return spaces(src, i)
	}
	return i
}

func spaces(src []byte, i int) int {
	for i < len(src) && (src[i] == ' ' || src[i] == '\n' || src[i] == '\t' || src[i] == '\r') {
		i++
	}
	return i
}

// value returns where the value that starts at i ends, or -1.
func (s *scanner) value(i, depth int) int {
	if i >= len(s.src) {
		return -1
	}
	switch c := s.src[i]; {
	case c == '"':
		return s.text(i + 1)
	case c == '{':
		return s.object(i, depth+1, false)
	case c == '[':
		return s.list(i, depth+1)
	case c == '-' || '0' <= c && c <= '9':
		return s.number(i)
	case c == 't':
		return s.word(i, "true")
	case c == 'f':
		return s.word(i, "false")
	case c == 'n':
		return s.word(i, "null")
	}
	return -1
}

func (s *scanner) word(i int, w string) int {
	if len(s.src)-i < len(w) || string(s.src[i:i+len(w)]) != w {
		return -1
	}
	return i + len(w)
}

// object reads the object whose brace is at i, and notes its keys if asked to.
func (s *scanner) object(i, depth int, note bool) int {
	if depth > MaxDepth {
		s.err = errDeep
		return -1
	}
	i = space(s.src, i+1)
	if i < len(s.src) && s.src[i] == '}' {
		return i + 1
	}
	src := s.src
	for i < len(src) && src[i] == '"' {
		key, escapes := i+1, s.escapes
		i = s.text(key)
		if i < 0 {
			return -1
		}
		if note {
			s.keys = append(s.keys, uint32(key))
			s.escapedKey = s.escapedKey || s.escapes > escapes
		}
		if i = space(src, i); i >= len(src) || src[i] != ':' {
			return -1
		}
		i = space(src, i+1)
		if i < len(src) && src[i] == '"' {
			i = s.text(i + 1)
		} else {
			i = s.value(i, depth)
		}
		if i < 0 {
			return -1
		}
		if i = space(src, i); i >= len(src) {
			return -1
		}
		if src[i] == '}' {
			return i + 1
		}
		if src[i] != ',' {
			return -1
		}
		i = space(src, i+1)
	}
	return -1
}

func (s *scanner) list(i, depth int) int {
	if depth > MaxDepth {
		s.err = errDeep
		return -1
	}
	i = space(s.src, i+1)
	if i < len(s.src) && s.src[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		i = space(s.src, i)
		if i >= len(s.src) {
			return -1
		}
		if s.src[i] == ']' {
			return i + 1
		}
		if s.src[i] != ',' {
			return -1
		}
		i = space(s.src, i+1)
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// meaning marks by their highest bits the bytes of x that are a quote, a backslash,
// a control character or beyond ASCII. Behind the first of them it may mark others.
// To toggle the second bit makes the quote the one that follows the controls.
func meaning(x uint64) uint64 {
	return (((x ^ ones*2) - ones*(' '+1)) | ((x ^ ones*'\\') - ones) | x) & highs
}

// text returns what follows the closing quote of the string that starts at i.
func (s *scanner) text(i int) int {
	src := s.src
	for i >= 0 {
		// Eight bytes at once, up to the first that means anything.
		for last := len(src) - 8; i <= last; i += 8 {
			if means := meaning(binary.LittleEndian.Uint64(src[i:])); means != 0 {
				i += bits.TrailingZeros64(means) >> 3
				break
			}
		}
		if i >= len(src) {
			break
		}
		switch c := src[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			s.escapes++
			i = s.escape(i + 1)
		case c < ' ':
			return -1
		default:
			s.wide = s.wide || c >= utf8.RuneSelf
			i++
		}
	}
	return -1
}

// escape returns what follows the escape whose backslash is before i.
func (s *scanner) escape(i int) int {
	if i >= len(s.src) {
		return -1
	}
	switch s.src[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		high := s.unit(i + 1)
		switch {
		case high < 0:
			return -1
		case !utf16.IsSurrogate(high):
			return i + 5
		case i+6 < len(s.src) && s.src[i+5] == '\\' && s.src[i+6] == 'u' && utf16.DecodeRune(high, s.unit(i+7)) != utf8.RuneError:
			return i + 11
		}
		s.err = errHalf
	}
	return -1
}

// unit is what four hexadecimal digits say, or -1.
func (s *scanner) unit(i int) rune {
	if len(s.src)-i < 4 {
		return -1
	}
	n, err := strconv.ParseUint(string(s.src[i:i+4]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// number returns where the number at i ends.
func (s *scanner) number(i int) int {
	if s.src[i] == '-' {
		i++
	}
	switch {
	case i >= len(s.src):
		return -1
	case s.src[i] == '0':
		i++
	default:
		end := s.digits(i)
		if end == i {
			return -1
		}
		i = end
	}
	if i < len(s.src) && s.src[i] == '.' {
		end := s.digits(i + 1)
		if end == i+1 {
			return -1
		}
		i = end
	}
	if i < len(s.src) && s.src[i]|0x20 == 'e' {
		i++
		if i < len(s.src) && (s.src[i] == '+' || s.src[i] == '-') {
			i++
		}
		end := s.digits(i)
		if end == i {
			return -1
		}
		i = end
	}
	return i
}

func (s *scanner) digits(i int) int {
	for i < len(s.src) && '0' <= s.src[i] && s.src[i] <= '9' {
		i++
	}
	return i
}
