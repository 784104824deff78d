package deadletter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
)

const deepest = 32 // that headers may be nested

func exportTable(h map[string]any) (map[string]json.RawMessage, error) {
	if h == nil {
		return nil, nil
	}
	all := make(map[string]json.RawMessage, len(h))
	for name, v := range h {
		var err error
		if all[name], err = exportValue(v); err != nil {
			return nil, fmt.Errorf("header %.100q: %w", name, err)
		}
	}
	return all, nil
}

func tagged(name string, v any) (json.RawMessage, error) { return marshal(map[string]any{name: v}) }

func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// exportValue writes a header's value so that its type can be read from it.
func exportValue(v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case nil, bool, int64:
		return marshal(v)
	case string:
		if text := strings.ToValidUTF8(v, ""); text != v {
			return tagged("text", []byte(v))
		}
		return marshal(v)
	case float64:
		return exportFloat("float64", v, 64)
	case float32:
		return exportFloat("float32", float64(v), 32)
	case int, int8, int16, int32, uint, uint8, uint16, uint32, uint64:
		return tagged(fmt.Sprintf("%T", v), v)
	case []byte:
		return tagged("bytes", append([]byte{}, v...))
	case time.Time:
		return tagged("time", v.Format(time.RFC3339Nano))
	case eip.Decimal:
		return tagged("decimal", []int64{int64(v.Scale), int64(v.Value)})
	case eip.Headers:
		return exportNested(v)
	case map[string]any:
		return exportNested(v)
	case []any:
		list := make([]json.RawMessage, len(v))
		for i, e := range v {
			var err error
			if list[i], err = exportValue(e); err != nil {
				return nil, err
			}
		}
		return marshal(list)
	}
	return nil, fmt.Errorf("a value of the type %T cannot be written", v)
}

func exportNested(h map[string]any) (json.RawMessage, error) {
	table, err := exportTable(h)
	if err != nil {
		return nil, err
	}
	return tagged("table", table)
}

// exportFloat writes a float64 that looks like one as it is; NaN and its like are texts.
func exportFloat(name string, f float64, bits int) (json.RawMessage, error) {
	text := strconv.FormatFloat(f, 'g', -1, bits)
	switch {
	case math.IsNaN(f), math.IsInf(f, 0):
		return tagged(name, text)
	case bits == 64 && strings.ContainsAny(text, ".e"):
		return json.RawMessage(text), nil
	}
	return tagged(name, json.RawMessage(text))
}

func importTable(all map[string]json.RawMessage, depth int) (eip.Headers, error) {
	if all == nil {
		return nil, nil
	}
	h := make(eip.Headers, len(all))
	for name, raw := range all {
		var err error
		if h[name], err = importValue(raw, depth); err != nil {
			return nil, fmt.Errorf("header %.100q: %w", name, err)
		}
	}
	return h, nil
}

// importValue reads what exportValue wrote.
func importValue(raw json.RawMessage, depth int) (any, error) {
	var list []json.RawMessage
	var object map[string]json.RawMessage
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || depth > deepest {
		return nil, fmt.Errorf("there is no value, or it is nested deeper than %d", deepest)
	}
	switch raw[0] {
	case '[':
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		all := make([]any, len(list))
		for i, e := range list {
			var err error
			if all[i], err = importValue(e, depth+1); err != nil {
				return nil, err
			}
		}
		return all, nil
	case '{':
		if err := json.Unmarshal(raw, &object); err != nil {
			return nil, err
		}
		for name, value := range object {
			if len(object) == 1 {
				return importTagged(name, value, depth)
			}
		}
		return nil, fmt.Errorf("an object has one member, which is named by its type, like {\"int32\": 5} or {\"table\": {…}}")
	case '"', 't', 'f', 'n':
		var v any
		err := json.Unmarshal(raw, &v)
		return v, err
	}
	if bytes.ContainsAny(raw, ".eE") {
		return strconv.ParseFloat(string(raw), 64)
	}
	return strconv.ParseInt(string(raw), 10, 64)
}

func importTagged(name string, raw json.RawMessage, depth int) (any, error) {
	switch name {
	case "int":
		return read[int](raw)
	case "int8":
		return read[int8](raw)
	case "int16":
		return read[int16](raw)
	case "int32":
		return read[int32](raw)
	case "int64":
		return read[int64](raw)
	case "uint":
		return read[uint](raw)
	case "uint8":
		return read[uint8](raw)
	case "uint16":
		return read[uint16](raw)
	case "uint32":
		return read[uint32](raw)
	case "uint64":
		return read[uint64](raw)
	case "float64":
		return strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	case "float32":
		f, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 32)
		return float32(f), err
	case "text":
		b, err := read[[]byte](raw)
		return string(b), err
	case "bytes":
		return read[[]byte](raw)
	case "time":
		return read[time.Time](raw)
	case "decimal":
		d, err := read[[2]int64](raw)
		if err != nil || d[0] != int64(uint8(d[0])) || d[1] != int64(int32(d[1])) {
			return nil, fmt.Errorf("a decimal is [scale, value]: %w", err)
		}
		return eip.Decimal{Scale: uint8(d[0]), Value: int32(d[1])}, nil
	case "table":
		table, err := read[map[string]json.RawMessage](raw)
		if err != nil {
			return nil, err
		}
		return importTable(table, depth+1)
	}
	return nil, fmt.Errorf("there is no type %.40q", name)
}

func read[T any](raw json.RawMessage) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}
