package expression

import (
	"slices"
	"strings"
	"testing"

	"github.com/expr-lang/expr/builtin"
)

func TestCatalogue_HasThemAll(t *testing.T) {
	want := append(slices.Clone(builtin.Names), "captures")
	var got []string
	for _, f := range Catalogue() {
		name, _, _ := strings.Cut(f.Call, "(")
		got = append(got, name)
		if !strings.HasSuffix(f.Does, ".") || strings.Contains(f.Does, "\n") {
			t.Errorf("%s: %q is no sentence on a line", name, f.Does)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
