package manage

import (
	"context"
	"fmt"
	"math"

	"github.com/eipd/eipd/eip"
)

// A Fraction is a part of a whole, between 0 and 1.
type Fraction float64

// Validate checks that it is between 0 and 1.
func (f Fraction) Validate() error {
	if f >= 0 && f <= 1 { // not so for NaN
		return nil
	}
	return fmt.Errorf("%v is not between 0 and 1", float64(f))
}

// picks reports whether m is copied: of a fraction of those that the expression lets
// through, evenly. Of 0.25 that is every fourth.
func (w *WireTap) picks(ctx context.Context, m *eip.Message) (bool, error) {
	if holds := w.If.Load(); holds != nil {
		if ok, err := holds(ctx, m); !ok || err != nil {
			return false, err
		}
	}
	f := float64(w.Sample.Load())
	if f == 1 {
		return true, nil
	}
	n := float64(w.seen.Add(1))
	return math.Floor(n*f) > math.Floor((n-1)*f), nil
}
