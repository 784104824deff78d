package control

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// DidYouMean returns "; did you mean …?" for the name nearest to given, where one
// is near; else the names there are, where they are few.
func DidYouMean(given string, names []string) string {
	best, distance := "", min(len(given)/3+2, max(len(given), 1))
	if len(given) <= 200 {
		for _, n := range names {
			if d := levenshtein.Distance(strings.ToLower(given), strings.ToLower(n), nil); d < distance {
				best, distance = n, d
			}
		}
	}
	switch {
	case best != "":
		return "; did you mean " + best + "?"
	case len(names) > 0 && len(names) <= 24:
		return "; there is " + strings.Join(slices.Sorted(slices.Values(names)), ", ")
	}
	return ""
}
