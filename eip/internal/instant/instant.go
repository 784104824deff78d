// Package instant writes times down as numbers.
package instant

import (
	"math"
	"time"
)

var first, last = time.Unix(0, 1), time.Unix(0, math.MaxInt64)

// Nanoseconds is t in nanoseconds since 1970. What is before is 1, and what comes after the
// last that there are, in the year 2262, is that one: a time that is far off is never one
// that has passed.
func Nanoseconds(t time.Time) int64 {
	switch {
	case t.Before(first):
		t = first
	case t.After(last):
		t = last
	}
	return t.UnixNano()
}
