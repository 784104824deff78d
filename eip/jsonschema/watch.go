package jsonschema

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// watch has each of all that schemas are made of count a step when a value is held against
// it. A check by the library cannot be bounded or interrupted otherwise.
func (c *checker) watch(schemas ...*jsonschema.Schema) {
	seen := map[*jsonschema.Schema]bool{}
	for _, s := range schemas {
		each(reflect.ValueOf(s), func(s *jsonschema.Schema) bool {
			if seen[s] {
				return false
			}
			seen[s] = true
			was := s.Format
			watched := &jsonschema.Format{Validate: func(v any) error {
				c.step()
				if was == nil {
					return nil
				}
				return was.Validate(v)
			}}
			if was != nil {
				watched.Name = was.Name
			}
			s.Format = watched
			return true
		})
	}
}

// each calls f for all schemas in v, and goes into those for which it returns true.
func each(v reflect.Value, f func(*jsonschema.Schema) bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if s, ok := v.Interface().(*jsonschema.Schema); ok && (s == nil || v.Kind() == reflect.Pointer && !f(s)) {
			return
		}
		each(v.Elem(), f)
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), f)
		}
	case reflect.Map:
		for i := v.MapRange(); i.Next(); {
			each(i.Value(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				each(v.Field(i), f)
			}
		}
	}
}

const (
	maxDepth  = 128  // how deep lists and maps of a body that is checked may be nested
	maxDigits = 1000 // of a number, with those that its exponent stands for
)

var (
	errDeep   = errors.New("it is nested deeper than 128 levels")
	errDigits = errors.New("there is a number of more than 1000 digits in it")
)

// measure counts the values in a decoded body, and how deep they are. What the library
// would take long for is an error.
func measure(v any, at int) (values, depth int, err error) {
	values, depth = 1, at
	inner := func(v any) bool {
		var n, d int
		n, d, err = measure(v, at+1)
		values, depth = values+n, max(depth, d)
		return err == nil
	}
	switch v := v.(type) {
	case json.Number:
		if !isShort(string(v)) {
			err = errDigits
		}
	case []any:
		if at == maxDepth {
			return 0, 0, errDeep
		}
		for _, e := range v {
			if !inner(e) {
				return
			}
		}
	case map[string]any:
		if at == maxDepth {
			return 0, 0, errDeep
		}
		for _, e := range v {
			if !inner(e) {
				return
			}
		}
	}
	return
}

func isShort(number string) bool {
	i := strings.IndexAny(number, "eE")
	if i < 0 {
		return len(number) <= maxDigits
	}
	exponent, err := strconv.Atoi(number[i+1:])
	return err == nil && i <= maxDigits && max(exponent, -exponent) <= maxDigits
}
