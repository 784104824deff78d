// Package headervalue makes what headers may hold of what is computed, and JSON of them that
// keeps their types.
package headervalue

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/decimal"
)

// Of makes of what an expression or a JSON text gives what a header may hold: maps
// become tables. What no header can hold makes the message invalid.
func Of(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, []byte, time.Time, eip.Decimal, eip.Headers, float32, float64,
		int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return v, nil
	case json.Number:
		if n, ok := decimal.Plain(v); ok {
			return n, nil
		}
		if u, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return u, nil
		}
		return nil, eip.Invalid(fmt.Errorf("no header can hold all of the number %.40s: make it text by string(…)", v))
	case map[string]any:
		table := make(eip.Headers, len(v))
		for name, member := range v {
			value, err := Of(member)
			if err != nil {
				return nil, err
			}
			table[name] = value
		}
		return table, nil
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			value, err := Of(element)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
		return list, nil
	}
	return nil, eip.Invalid(fmt.Errorf("no header can hold a value of type %T", v))
}
