package instant

import (
	"math"
	"testing"
	"time"
)

func TestNanoseconds(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		at   time.Time
		want int64
	}{
		"now":             {now, now.UnixNano()},
		"before 1970":     {time.Unix(-5, 0), 1},
		"long before":     {now.AddDate(-1000, 0, 0), 1},
		"the last":        {time.Unix(0, math.MaxInt64), math.MaxInt64},
		"the longest":     {now.Add(math.MaxInt64), math.MaxInt64},
		"in 1000 years":   {now.AddDate(1000, 0, 0), math.MaxInt64},
		"in the year 1e9": {now.AddDate(1e9, 0, 0), math.MaxInt64},
	} {
		if got := Nanoseconds(c.at); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
