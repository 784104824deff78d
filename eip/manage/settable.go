package manage

import (
	"fmt"
	"strconv"
	"sync/atomic"
)

// A setting is an option that may change while messages pass: the value that was
// set last, else the field's.
type setting[T any] struct{ set atomic.Pointer[T] }

func (s *setting[T]) or(field T) T {
	if v := s.set.Load(); v != nil {
		return *v
	}
	return field
}

// change sets what read makes of value.
func (s *setting[T]) change(attribute string, value any, read func(any) (T, error)) error {
	v, err := read(value)
	if err != nil {
		return fmt.Errorf("set %s: %w", attribute, err)
	}
	s.set.Store(&v)
	return nil
}

func noAttribute(attribute, there string) error {
	return fmt.Errorf("set %s: there is no such attribute, only %s", attribute, there)
}

// boolean reads a value that an operator gave.
func boolean(value any) (bool, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		if v == "true" || v == "false" {
			return v == "true", nil
		}
	}
	return false, fmt.Errorf("%v is neither true nor false", value)
}

// fraction reads a number between 0 and 1 that an operator gave.
func fraction(value any) (f float64, err error) {
	switch v := value.(type) {
	case float64:
		f = v
	case int:
		f = float64(v)
	case int64:
		f = float64(v)
	case string:
		if f, err = strconv.ParseFloat(v, 64); err != nil {
			return 0, fmt.Errorf("%q is no number", v)
		}
	default:
		return 0, fmt.Errorf("%v is no number", value)
	}
	return f, checkFraction(f)
}

func checkFraction(f float64) error {
	if f >= 0 && f <= 1 { // not so for NaN
		return nil
	}
	return fmt.Errorf("%v is not between 0 and 1", f)
}
