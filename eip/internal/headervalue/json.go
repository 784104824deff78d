package headervalue

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

// Header values in JSON: texts, booleans, nil, tables and lists are themselves, and so are
// whole numbers of 64 bits and those float64 that are written otherwise. Of any other type is
// a table of one member, whose name is the type and whose value is a text: {"$int32": "7"}.
// A table of one such member has another $ before its name.

const mark = "$"

// ToJSON returns a header's value as what encoding/json writes so that FromJSON, of what is
// read of that, returns the same value. An int comes back as an int64.
func ToJSON(v any) (any, error) {
	as := func(kind, text string) (any, error) { return map[string]any{mark + kind: text}, nil }
	switch v := v.(type) {
	case nil, bool, int, int64:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return as("text", base64.StdEncoding.EncodeToString([]byte(v)))
		}
		return v, nil
	case []byte:
		return as("bytes", base64.StdEncoding.EncodeToString(v))
	case time.Time:
		return as("time", v.Format(time.RFC3339Nano))
	case eip.Decimal:
		return as("decimal", v.String())
	case float32:
		return as("float32", strconv.FormatFloat(float64(v), 'g', -1, 32))
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if strings.ContainsAny(text, ".e") {
			return json.Number(text), nil
		}
		return as("float64", text)
	case int8, int16, int32, uint, uint8, uint16, uint32, uint64:
		return as(fmt.Sprintf("%T", v), fmt.Sprint(v))
	case eip.Headers:
		return tableToJSON(v)
	case map[string]any:
		return tableToJSON(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			var err error
			if list[i], err = ToJSON(e); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("a value of type %T is none of a header", v)
}

func tableToJSON(table map[string]any) (any, error) {
	all := make(map[string]any, len(table))
	for name, v := range table {
		if !utf8.ValidString(name) {
			return nil, errors.New("a name in it is no UTF-8 text")
		}
		if len(table) == 1 && strings.HasPrefix(name, mark) {
			name = mark + name
		}
		var err error
		if all[name], err = ToJSON(v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// FromJSON returns the header's value that stands in JSON, as content.DecodeJSON reads it.
func FromJSON(v any) (any, error) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") && v != "-0" {
			return nil, fmt.Errorf("no header can hold all of the number %.40s", v)
		}
		f, err := v.Float64()
		return f, err
	case map[string]any:
		return tableFromJSON(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			var err error
			if list[i], err = FromJSON(e); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return v, nil
}

func tableFromJSON(table map[string]any) (any, error) {
	all := make(eip.Headers, len(table))
	for name, v := range table {
		if kind, marked := strings.CutPrefix(name, mark); marked && len(table) == 1 {
			if text, ok := v.(string); ok && !strings.HasPrefix(kind, mark) {
				return typed(kind, text)
			}
			name = kind
		}
		var err error
		if all[name], err = FromJSON(v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// typed reads a value of a type that JSON has not.
func typed(kind, text string) (v any, err error) {
	bits, _ := strconv.Atoi(strings.TrimLeft(kind, "uintfloa"))
	switch kind {
	case "text", "bytes":
		b, err := base64.StdEncoding.DecodeString(text)
		if kind == "text" {
			return string(b), err
		}
		return b, err
	case "time":
		return time.Parse(time.RFC3339Nano, text)
	case "decimal":
		return decimalOf(text)
	case "float32", "float64":
		f, err := strconv.ParseFloat(text, bits)
		if bits == 32 {
			return float32(f), err
		}
		return f, err
	case "int8", "int16", "int32":
		n, err := strconv.ParseInt(text, 10, bits)
		return map[string]any{"int8": int8(n), "int16": int16(n), "int32": int32(n)}[kind], err
	case "uint", "uint8", "uint16", "uint32", "uint64":
		n, err := strconv.ParseUint(text, 10, bits)
		return map[string]any{"uint": uint(n), "uint8": uint8(n), "uint16": uint16(n), "uint32": uint32(n), "uint64": n}[kind], err
	}
	return nil, fmt.Errorf("%s%.20s is no type of a value", mark, kind)
}

func decimalOf(text string) (eip.Decimal, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole+fraction, 10, 32)
	if err != nil || len(fraction) > math.MaxUint8 {
		return eip.Decimal{}, fmt.Errorf("%.40q is no decimal", text)
	}
	return eip.Decimal{Scale: uint8(len(fraction)), Value: int32(n)}, nil
}
