package setting

import (
	"slices"

	"github.com/zclconf/go-cty/cty"
)

// private marks what came from the environment or a file, and all that is made of
// it: it is used, and never shown.
type private struct{}

// dynamic marks what may be given to a running process, and all that is made of it, by
// the name of the variable.
type dynamic string

// Private marks a value.
func Private(v cty.Value) cty.Value { return v.Mark(private{}) }

// Dynamic marks the value of a variable.
func Dynamic(v cty.Value, variable string) cty.Value { return v.Mark(dynamic(variable)) }

// IsPrivate reports whether a value, or one in it, came from the environment or a
// file.
func IsPrivate(v cty.Value) bool {
	_, marks := v.UnmarkDeep()
	return isPrivate(marks)
}

func isPrivate(marks cty.ValueMarks) bool {
	_, is := marks[private{}]
	return is
}

// DynamicIn returns the dynamic variables that a value, or one in it, is made of,
// sorted.
func DynamicIn(v cty.Value) []string {
	_, marks := v.UnmarkDeep()
	return dynamicIn(marks)
}

func dynamicIn(marks cty.ValueMarks) (variables []string) {
	for m := range marks {
		if d, ok := m.(dynamic); ok {
			variables = append(variables, string(d))
		}
	}
	slices.Sort(variables)
	return variables
}
