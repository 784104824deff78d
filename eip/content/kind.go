package content

import (
	"encoding/json"
	"reflect"
	"time"
)

// KindOf names the type of a value that an expression gave, for people.
func KindOf(v any) string {
	if v == nil {
		return "nil"
	}
	return TypeName(reflect.TypeOf(v))
}

// TypeName names a type of expressions, for people.
func TypeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[json.Number]():
		return "a number"
	case t == reflect.TypeFor[time.Time]():
		return "a time"
	case t == reflect.TypeFor[time.Duration]():
		return "a duration"
	case t == reflect.TypeFor[[]byte]():
		return "bytes"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a map"
	case reflect.Func:
		return "a function"
	case reflect.Float32, reflect.Float64:
		return "a number with a fraction"
	}
	return "a number"
}
