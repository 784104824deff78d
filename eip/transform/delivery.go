package transform

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/eipd/eipd/eip"
)

// deliver sets how brokers are to deliver c, as computed of m.
func (t *Transform) deliver(ctx context.Context, c, m *eip.Message) error {
	if t.Priority != nil {
		v, err := t.Priority(ctx, m)
		if err == nil {
			c.Priority, err = priority(v)
		}
		if err != nil {
			return fmt.Errorf("priority: %w", err)
		}
	}
	if t.Expiration != nil {
		v, err := t.Expiration(ctx, m)
		if err == nil {
			c.Expiration, err = expiration(v)
		}
		if err != nil {
			return fmt.Errorf("expiration: %w", err)
		}
	}
	return nil
}

func priority(v any) (uint8, error) {
	if v == nil {
		return 0, nil
	}
	n, ok := number(v)
	if !ok || n < 0 || n > math.MaxUint8 || n != math.Trunc(n) {
		return 0, eip.Invalid(fmt.Errorf("%.40v is no whole number from 0 to 255", v))
	}
	return uint8(n), nil
}

// expiration reads a duration or a number of milliseconds, which brokers count in.
func expiration(v any) (d time.Duration, err error) {
	const most = float64(math.MaxInt64 / int64(time.Millisecond))
	n, isNumber := number(v)
	switch s, isText := v.(string); {
	case v == nil:
		return 0, nil
	case isText:
		d, err = time.ParseDuration(s)
	case !isNumber || math.IsNaN(n) || math.Abs(n) > most:
		err = fmt.Errorf("%.40v is neither", v)
	default:
		d = time.Duration(n * float64(time.Millisecond))
	}
	if given, ok := v.(time.Duration); ok {
		d, err = given, nil
	}
	if err != nil {
		return 0, eip.Invalid(fmt.Errorf("it takes a duration such as '90s', or a number of milliseconds: %w", err))
	}
	if d <= 0 { // as brokers have it: 0 is not the same as none
		return -1, nil
	}
	return d, nil
}

func number(v any) (float64, bool) {
	if f, ok := v.(interface{ Float64() (float64, error) }); ok { // a json.Number
		n, err := f.Float64()
		return n, err == nil
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}
