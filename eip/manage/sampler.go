package manage

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
)

// sampler picks a fraction of the messages that a predicate lets through, evenly:
// of 0.25 every fourth. The fraction may change while it is used.
type sampler struct {
	setting[float64]
	seen atomic.Int64
}

func (s *sampler) picks(ctx context.Context, m *eip.Message, only eip.Predicate, fraction float64) (bool, error) {
	if only != nil {
		if ok, err := only(ctx, m); !ok || err != nil {
			return false, err
		}
	}
	f := s.or(fraction)
	if f == 1 {
		return true, nil
	}
	n := float64(s.seen.Add(1))
	return math.Floor(n*f) > math.Floor((n-1)*f), nil
}
