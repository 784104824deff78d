package flowtest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/schema"
)

// The page on tests names every block and option that there is.
func TestDocs_NameAllOptions(t *testing.T) {
	page, err := os.ReadFile("../../../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, kinds := range []map[string]int{inFile, inTest} {
		for name := range kinds {
			names[name] = true
		}
	}
	var note func(b *schema.Block)
	note = func(b *schema.Block) {
		for _, a := range b.Attributes {
			names[a.Name] = true
		}
		for _, n := range b.Blocks {
			names[n.Name] = true
			note(n.Block)
		}
	}
	for _, block := range []any{suiteBlock{}, testBlock{}, sendBlock{}, callBlock{}, commandBlock{}, stubBlock{}, faultBlock{}, expectBlock{}} {
		note(schema.Of(block))
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !strings.Contains(string(page), "`"+name) && !strings.Contains(string(page), "  "+name+" ") {
			t.Errorf("it says nothing of %q", name)
		}
	}
	if len(names) < 80 {
		t.Errorf("there are %d names only", len(names))
	}
}
