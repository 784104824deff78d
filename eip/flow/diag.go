package flow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/eipd/eipd/internal/nearest"
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
	if len(given) > 100 || len(names) > 1000 {
		return ""
	}
	if best := nearest.Of(given, names); best != "" {
		return " Did you mean " + fmt.Sprintf(form, best) + "?"
	}
	if len(names) > 0 && len(names) <= 40 {
		sorted := slices.Sorted(slices.Values(names))
		for i, n := range sorted {
			sorted[i] = fmt.Sprintf(form, n)
		}
		return " There is " + strings.Join(sorted, ", ") + "."
	}
	return ""
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
	return slices.CompactFunc(diags, same)
}

// same reports whether both say the same of the same place.
func same(a, b *hcl.Diagnostic) bool {
	return a.Summary == b.Summary && a.Detail == b.Detail && a.Subject != nil && b.Subject != nil && *a.Subject == *b.Subject
}
