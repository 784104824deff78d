package eip

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/eipd/eipd/eip/internal/decimal"
)

// MarshalJSON shows headers to people and programs. It cannot fail: what JSON has no
// value for is a text, as times of any year, bytes in base64 and NaN are.
func (h Headers) MarshalJSON() ([]byte, error) { return json.Marshal(shownTable(h)) }

// shownTime is a time as JSON shows it, which is RFC 3339 up to the year 9999.
func shownTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func shownTable(h map[string]any) any {
	if h == nil {
		return nil
	}
	shown := make(map[string]any, len(h))
	for name, v := range h {
		shown[name] = shownHeader(v)
	}
	return shown
}

func shownHeader(v any) any {
	switch v := v.(type) {
	case time.Time:
		return shownTime(v)
	case Decimal:
		return json.Number(v.String())
	case float32:
		return shownFloat(float64(v), v)
	case float64:
		return shownFloat(v, v)
	case Headers:
		return shownTable(v)
	case map[string]any:
		return shownTable(v)
	case []any:
		shown := make([]any, len(v))
		for i, e := range v {
			shown[i] = shownHeader(e)
		}
		return shown
	}
	if _, err := json.Marshal(v); err != nil {
		return fmt.Sprint(v)
	}
	return v
}

func shownFloat(f float64, v any) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return v
}

// String writes the decimal in full: 1.50 is 150 with a scale of 2.
func (d Decimal) String() string { return decimal.Scaled(int64(d.Value), int(d.Scale)) }
