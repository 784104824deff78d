package transform_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/transform"
)

// Priority and expiration are what brokers take, or the message is invalid.
func TestTransform_Delivery(t *testing.T) {
	type want struct {
		priority   uint8
		expiration time.Duration
	}
	for name, test := range map[string]struct {
		priority, expiration any
		want                 *want // nil: invalid
	}{
		"nothing":            {nil, nil, &want{0, 0}},
		"numbers":            {5, 1500, &want{5, 1500 * time.Millisecond}},
		"floats":             {5.0, 0.5, &want{5, 500 * time.Microsecond}},
		"of JSON":            {json.Number("9"), json.Number("20"), &want{9, 20 * time.Millisecond}},
		"a duration":         {255, "90s", &want{255, 90 * time.Second}},
		"a computed one":     {uint8(1), 2 * time.Minute, &want{1, 2 * time.Minute}},
		"at once":            {0, 0, &want{0, -1}},
		"the past":           {0, -time.Second, &want{0, -1}},
		"too high":           {256, nil, nil},
		"too low":            {-1, nil, nil},
		"not whole":          {1.5, nil, nil},
		"no number":          {"high", nil, nil},
		"not a number":       {math.NaN(), nil, nil},
		"no duration":        {nil, "soon", nil},
		"a bare number":      {nil, "90", nil},
		"too long":           {nil, 1e300, nil},
		"no time":            {nil, math.NaN(), nil},
		"a list":             {nil, []any{1}, nil},
		"a list of priority": {[]any{1}, nil, nil},
	} {
		s := transform.NewTransform()
		s.Priority, s.Expiration = value(test.priority), value(test.expiration)
		m := eip.New(nil, nil).With(func(m *eip.Message) { m.Priority, m.Expiration = 7, time.Hour })
		err := s.Process(context.Background(), m, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			if got := (want{m.Priority, m.Expiration}); test.want == nil || got != *test.want {
				t.Errorf("%s: %+v", name, got)
			}
			return nil
		}))
		if (err != nil) != (test.want == nil) || err != nil && !eip.IsInvalid(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
