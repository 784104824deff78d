// Package nearest finds the name that somebody may have meant.
package nearest

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// longest is how many bytes of what was given, and of a name, are compared.
const longest = 200

// Of returns the name that is nearest to given, where one is near; else "".
func Of(given string, names []string) (best string) {
	distance := min(len(given)/3+2, max(len(given), 1))
	if len(given) > longest {
		return ""
	}
	for _, n := range names {
		if len(n) > longest {
			continue
		}
		d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(n), nil)
		swapped := d == distance && len(n) == len(given) && len(best) != len(given) // letters, rather than left out
		if d < distance || best != "" && swapped {
			best, distance = n, d
		}
	}
	return best
}

// Hint returns "; did you mean …?" for the name nearest to given, where one is near; else the
// names there are, where they are few.
func Hint(given string, names []string) string {
	names = slices.Sorted(slices.Values(names))
	switch best := Of(given, names); {
	case best != "":
		return "; did you mean " + best + "?"
	case len(names) > 0 && len(names) <= 24:
		return "; there is " + strings.Join(names, ", ")
	}
	return ""
}
