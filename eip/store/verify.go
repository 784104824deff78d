package store

import (
	"errors"
	"fmt"
	"time"
)

// A Summary is what there is in a space.
type Summary struct {
	Keys  int       // without those that are there before
	Bytes int64     // of keys and values
	Due   int       // keys with a time
	Next  time.Time // the first of these times
}

// Sum reads all of a space, and compares what is due with what is there.
func Sum(p Space) (s Summary, err error) {
	err = p.View(func(r Reader) error {
		if partial(r) {
			return errors.New("it was imported in part: import it again")
		}
		for key, value := range r.Range("", "") {
			s.Bytes += int64(len(key) + len(value))
			if !isOwn(key) {
				s.Keys++
			}
			if _, due := r.Get(key); !due.IsZero() {
				s.Due++
			}
		}
		n := 0
		for at, key := range r.Due() {
			if n++; n == 1 {
				s.Next = at
			}
			if value, due := r.Get(key); value == nil || !due.Equal(at) {
				return fmt.Errorf("%q is to be due at %v, and is not there, or due at another time", key, at.UTC())
			}
		}
		if n != s.Due {
			return fmt.Errorf("%d keys have a time, and %d are due", s.Due, n)
		}
		return nil
	})
	return s, err
}
