package flow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// problem makes an error about a place. Summary is constant; the detail says in
// full sentences what is wrong and what to do.
func problem(r hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &r}
}

func warning(r hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	d := problem(r, summary, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// where writes a place as compilers do.
func where(r hcl.Range) string {
	return fmt.Sprintf("%s:%d:%d", r.Filename, r.Start.Line, r.Start.Column)
}

// didYouMean returns " Did you mean …?" for the name nearest to given, if one is
// near, else the names there are, if they are few.
func didYouMean(given string, names []string, form string) string {
	best, distance := "", min(len(given)/3+2, max(len(given), 1))
	for _, n := range names {
		if d := editDistance(strings.ToLower(given), strings.ToLower(n)); d < distance {
			best, distance = n, d
		}
	}
	if best != "" {
		return " Did you mean " + fmt.Sprintf(form, best) + "?"
	}
	if len(names) > 0 && len(names) <= 24 {
		sorted := slices.Sorted(slices.Values(names))
		for i, n := range sorted {
			sorted[i] = fmt.Sprintf(form, n)
		}
		return " There is " + strings.Join(sorted, ", ") + "."
	}
	return ""
}

// editDistance is Levenshtein's, by bytes; a swap of two neighbours counts once.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before, last, row []int
	last = make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row = make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// sortDiagnostics puts them into the order of files and lines, and drops repeats.
func sortDiagnostics(diags hcl.Diagnostics) hcl.Diagnostics {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int {
		if a.Subject == nil || b.Subject == nil {
			return 0
		}
		if c := strings.Compare(a.Subject.Filename, b.Subject.Filename); c != 0 {
			return c
		}
		return a.Subject.Start.Byte - b.Subject.Start.Byte
	})
	return slices.CompactFunc(diags, func(a, b *hcl.Diagnostic) bool {
		return a.Summary == b.Summary && a.Detail == b.Detail && a.Subject != nil && b.Subject != nil && *a.Subject == *b.Subject
	})
}
