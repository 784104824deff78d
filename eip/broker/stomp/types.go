package stomp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eipd/eipd/eip"
)

// Headers of STOMP are texts. What another value is goes in the header eip-types, which
// is a JSON object of names and kinds, so that the next eipd has it again.
const maxDepth = 256

// encode makes a text of a header's value, and says its kind: "" of a text.
func encode(v any) (text, kind string, err error) {
	switch v := v.(type) {
	case string:
		if utf8.ValidString(v) && !strings.ContainsRune(v, 0) {
			return v, "", nil
		}
		return base64.StdEncoding.EncodeToString([]byte(v)), "string", nil
	case eip.Headers:
		b, err := appendJSON(nil, v, 0)
		return string(b), "table", err
	case map[string]any:
		return encode(eip.Headers(v))
	case []any, []string:
		b, err := appendJSON(nil, v, 0)
		return string(b), "list", err
	}
	return scalar(v)
}

// scalar is encode of what holds no other value.
func scalar(v any) (text, kind string, err error) {
	switch v := v.(type) {
	case nil:
		return "", "nil", nil
	case bool:
		return strconv.FormatBool(v), "bool", nil
	case int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), fmt.Sprintf("%T", v), nil
	case int:
		return strconv.Itoa(v), "int64", nil
	case uint:
		return strconv.FormatUint(uint64(v), 10), "uint64", nil
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32), "float32", nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), "float64", nil
	case []byte:
		return base64.StdEncoding.EncodeToString(v), "bytes", nil
	case time.Time:
		return timeText(v), "time", nil
	case time.Duration:
		return strconv.FormatInt(v.Milliseconds(), 10), "int64", nil
	case eip.Decimal:
		return fmt.Sprintf("%d/%d", v.Value, v.Scale), "decimal", nil
	}
	return "", "", fmt.Errorf("a value of the type %T cannot be a header", v)
}

// appendJSON writes a value within a table or list: texts, nil, booleans and lists are
// JSON's own, and anything else an object of one member, its kind.
func appendJSON(b []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return b, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil, bool:
		return fmt.Append(b, strings.Replace(fmt.Sprint(v), "<nil>", "null", 1)), nil
	case map[string]any:
		return appendJSON(b, eip.Headers(v), depth)
	case []string:
		text, err := json.Marshal(v)
		return append(b, text...), err
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = appendJSON(b, e, depth+1); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	case eip.Headers:
		if depth > 0 {
			b = append(b, `{"table":`...)
		}
		b = append(b, '{')
		comma := false
		for name, e := range v {
			if comma {
				b = append(b, ',')
			}
			comma = true
			if !utf8.ValidString(name) {
				return b, fmt.Errorf("the name %.40q in it is no UTF-8", name)
			}
			var err error
			if b, err = appendJSON(append(appendText(b, name), ':'), e, depth+1); err != nil {
				return b, err
			}
		}
		if b = append(b, '}'); depth > 0 {
			b = append(b, '}')
		}
		return b, nil
	}
	text, kind, err := encode(v)
	if err != nil || kind == "" {
		return appendText(b, text), err
	}
	return append(appendText(append(appendText(append(b, '{'), kind), ':'), text), '}'), nil
}

func appendText(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // of a text, that cannot fail
	return append(b, text...)
}

// restore gives headers the kinds that eip-types says. What does not fit is left a text:
// anybody may have written it.
func restore(h eip.Headers, types string) error {
	if types == "" {
		return nil
	}
	var kinds map[string]any
	if err := json.Unmarshal([]byte(types), &kinds); err != nil {
		return eip.Invalid(fmt.Errorf("its header %s is not what eipd writes: %w", ownTypes, err))
	}
	for name, k := range kinds {
		kind, _ := k.(string)
		text, ok := h[name].(string)
		if !ok {
			continue
		}
		v, err := decode(text, kind)
		if err != nil {
			return eip.Invalid(fmt.Errorf("its header %.40s is no %.20s, as %s says: %w", name, kind, ownTypes, err))
		}
		h[name] = v
	}
	return nil
}

func decode(text, kind string) (any, error) {
	switch kind {
	case "table":
		var table map[string]any
		if err := json.Unmarshal([]byte(text), &table); err != nil {
			return nil, err
		}
		return fromTable(table, 0)
	case "list":
		var list []any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return nil, err
		}
		return fromJSON(list, 0)
	}
	return fromText(text, kind)
}

// integers are how many bits the kinds of integer have.
var integers = map[string]int{"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64}

func fromText(text, kind string) (any, error) {
	if bits := integers[kind]; bits > 0 {
		return integer(text, kind, bits)
	}
	switch kind {
	case "nil":
		return nil, nil
	case "bool":
		return strconv.ParseBool(text)
	case "float32":
		f, err := strconv.ParseFloat(text, 32)
		return float32(f), err
	case "float64":
		return strconv.ParseFloat(text, 64)
	case "string":
		b, err := base64.StdEncoding.DecodeString(text)
		return string(b), err
	case "bytes":
		return base64.StdEncoding.DecodeString(text)
	case "time":
		return parseTime(text)
	case "decimal":
		value, scale, _ := strings.Cut(text, "/")
		v, err := strconv.ParseInt(value, 10, 32)
		s, wrong := strconv.ParseUint(scale, 10, 8)
		return eip.Decimal{Scale: uint8(s), Value: int32(v)}, errors.Join(err, wrong)
	}
	return nil, errors.New("there is no such kind")
}

// timeText is a time as RFC 3339 has it, or in seconds since 1970, with an @, where that
// has no word for the year: who mistook milliseconds for seconds sends such times.
func timeText(t time.Time) string {
	if y := t.Year(); y < 0 || y > 9999 {
		return fmt.Sprintf("@%d.%09d", t.Unix(), t.Nanosecond())
	}
	return t.Format(time.RFC3339Nano)
}

func parseTime(text string) (time.Time, error) {
	if text, ok := strings.CutPrefix(text, "@"); ok {
		var seconds, more int64
		_, err := fmt.Sscanf(text, "%d.%09d", &seconds, &more)
		return time.Unix(seconds, more).UTC(), err
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if _, offset := t.Zone(); offset != 0 {
		return t, err
	}
	return t.UTC(), err
}

func integer(text, kind string, bits int) (any, error) {
	if strings.HasPrefix(kind, "u") {
		n, err := strconv.ParseUint(text, 10, bits)
		switch bits {
		case 8:
			return uint8(n), err
		case 16:
			return uint16(n), err
		case 32:
			return uint32(n), err
		}
		if n <= math.MaxInt64 { // as AMQP has it
			return int64(n), err
		}
		return n, err
	}
	n, err := strconv.ParseInt(text, 10, bits)
	switch bits {
	case 8:
		return int8(n), err
	case 16:
		return int16(n), err
	case 32:
		return int32(n), err
	}
	return n, err
}

func fromTable(table map[string]any, depth int) (eip.Headers, error) {
	h := make(eip.Headers, len(table))
	for name, v := range table {
		var err error
		if h[name], err = fromJSON(v, depth+1); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func fromJSON(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			var err error
			if list[i], err = fromJSON(e, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case map[string]any:
		if len(v) != 1 {
			break
		}
		for kind, e := range v {
			if table, ok := e.(map[string]any); ok && kind == "table" {
				return fromTable(table, depth)
			}
			if text, ok := e.(string); ok {
				return fromText(text, kind)
			}
		}
	}
	return nil, errors.New("it holds what eipd does not write")
}
