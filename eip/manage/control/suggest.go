package control

import (
	"slices"
	"strings"

	"github.com/eipd/eipd/internal/nearest"
)

// DidYouMean returns "; did you mean …?" for the name nearest to given, where one
// is near; else the names there are, where they are few.
func DidYouMean(given string, names []string) string {
	switch best := nearest.Of(given, names); {
	case best != "":
		return "; did you mean " + best + "?"
	case len(names) > 0 && len(names) <= 24:
		return "; there is " + strings.Join(slices.Sorted(slices.Values(names)), ", ")
	}
	return ""
}
