package eip_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
)

// Whatever a broker may bring in a header can be shown.
func TestHeaders_MarshalJSON(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"time":               {time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), `"2026-01-02T02:04:05.000000006Z"`},
		"time far away":      {time.UnixMilli(1790000000000000), `"58692-11-03T14:13:20Z"`},
		"time without years": {time.Unix(-1<<40, 0), `"-32873-11-12T23:23:44Z"`},
		"NaN":                {math.NaN(), `"NaN"`},
		"infinite":           {float32(math.Inf(-1)), `"-Inf"`},
		"float32":            {float32(0.1), `0.1`},
		"large":              {uint64(math.MaxUint64), `18446744073709551615`},
		"decimal":            {eip.Decimal{Scale: 2, Value: -150}, `-1.50`},
		"small decimal":      {eip.Decimal{Scale: 3, Value: math.MinInt32}, `-2147483.648`},
		"tiny decimal":       {eip.Decimal{Scale: 4, Value: 7}, `0.0007`},
		"whole decimal":      {eip.Decimal{Value: 7}, `7`},
		"bytes":              {[]byte{0xff, 0}, `"/wA="`},
		"no UTF-8":           {"a\xff", `"a\ufffd"`},
		"no number":          {json.Number("x"), `"x"`},
		"nil":                {nil, `null`},
		"nested":             {eip.Headers{"l": []any{math.Inf(1), eip.Headers(nil), map[string]any{"t": time.UnixMilli(253402300800000)}}}, `{"l":["+Inf",null,{"t":"10000-01-01T00:00:00Z"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := json.Marshal(map[string]any{"headers": eip.Headers{"v": c.value}})
			if err != nil || string(got) != `{"headers":{"v":`+c.want+`}}` {
				t.Errorf("%s, %v; want %s", got, err, c.want)
			}
		})
	}
	if got := (eip.Decimal{Scale: 255, Value: 1}).String(); len(got) != 257 {
		t.Error(got)
	}
}
