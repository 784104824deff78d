package content

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// DecodeJSON reads exactly one JSON text: nil, bool, string, []any, map[string]any
// and, of numbers, what [ParseNumber] makes of them. The standard library's decoder
// refuses what is nested deeper than 10 000.
func DecodeJSON(body []byte) (any, error) {
	if i := invalidUTF8(body); i >= 0 {
		return nil, fmt.Errorf("invalid UTF-8 at %s", position(body, i))
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, whereJSON(err, body)
	}
	if i := halfPair(body); i >= 0 {
		return nil, fmt.Errorf("half of a surrogate pair at %s", position(body, i))
	}
	rest := body[d.InputOffset():]
	if more := bytes.TrimLeft(rest, " \t\r\n"); len(more) > 0 {
		return nil, fmt.Errorf("something follows the JSON text at %s", position(body, len(body)-len(more)))
	}
	return numbers(v), nil
}

// whereJSON says where reading stopped.
func whereJSON(err error, body []byte) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("unexpected end of JSON input after byte %d", len(body))
	case bytes.HasPrefix(body, []byte("\ufeff")):
		return errors.New("it begins with a byte order mark, which JSON may not have")
	case errors.As(err, &syntax) && syntax.Offset > 0:
		return fmt.Errorf("%w at %s", err, position(body, int(syntax.Offset)-1))
	}
	return err
}

// position names an offset for people, all counted from 1.
func position(body []byte, offset int) string {
	before := body[:min(offset, len(body))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, column %d (byte %d)", 1+bytes.Count(before, []byte("\n")), 1+utf8.RuneCount(before[start:]), offset+1)
}

// halfPair returns where in valid JSON the escape of a surrogate is that has no
// other half; -1 where there is none.
func halfPair(b []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(b[i:], '\\')
		if n < 0 {
			return -1
		}
		if i += n + 1; b[i] != 'u' {
			continue
		}
		u := unit(b[i+1:])
		if i += 4; !utf16.IsSurrogate(u) {
			continue
		}
		if rest := b[i+1:]; len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' || utf16.DecodeRune(u, unit(rest[2:])) == utf8.RuneError {
			return i - 5
		}
		i += 6
	}
}

// unit is what four hexadecimal digits say.
func unit(b []byte) rune {
	u, _ := strconv.ParseUint(string(b[:4]), 16, 32)
	return rune(u)
}

func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// numbers reads all numbers in v, in place.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return ParseNumber(string(v))
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k, member := range v {
			v[k] = numbers(member)
		}
	}
	return v
}
