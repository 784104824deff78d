package graph_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/flow/graph"
)

var update = flag.Bool("update", false, "write testdata/golden.txt")

// wide is how wide a text of a class is at most.
func wide(t drawnText) float64 {
	size := 12.0
	switch {
	case strings.Contains(t.class, "quiet"):
		size = 10
	case strings.Contains(t.class, "label"):
		size = 11
	}
	return graph.TextWidth(t.text, size, strings.Contains(t.class, "name"))
}

// models are those of all shapes and examples.
func models(t testing.TB) map[string]*graph.Model {
	all := map[string]*graph.Model{}
	for name, text := range shapes {
		all["shape "+name] = modelOf(t, text)
	}
	const root = "../../../"
	examples, err := filepath.Glob(root + "examples/*/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(examples, root+"flows") {
		c, diags := flow.Load(flow.Options{Files: []string{file}, LookupEnv: func(string) (string, bool) { return "", false }})
		if diags.HasErrors() {
			continue // it needs variables
		}
		m := graph.Of(c)
		for i := range m.Nodes {
			m.Nodes[i].At = strings.TrimPrefix(m.Nodes[i].At, root)
		}
		all[strings.TrimPrefix(file, root)] = m
	}
	if len(all) < len(shapes)+40 {
		t.Fatalf("only %d files could be loaded", len(all))
	}
	return all
}

// drawings are all that is drawn of a Model, by names.
func drawings(t testing.TB, m *graph.Model) map[string]string {
	all := map[string]string{}
	draw := func(name string, write func(*bytes.Buffer) (string, error)) {
		var out bytes.Buffer
		if note, err := write(&out); err != nil || note != "" {
			t.Fatal(name, note, err)
		}
		all[name] = out.String()
	}
	for _, down := range []bool{false, true} {
		for depth := range 3 {
			for _, failures := range []string{graph.NoFailures, graph.UsedFailures, graph.AllFailures} {
				o := graph.Options{Depth: depth, Down: down, Failures: failures, Conditions: failures == graph.AllFailures}
				draw(fmt.Sprintf("svg %v %d %s", down, depth, failures), func(b *bytes.Buffer) (string, error) { return graph.SVG(b, m, o) })
			}
		}
	}
	o := graph.Options{Depth: 2}
	draw("mermaid", func(b *bytes.Buffer) (string, error) { return graph.Mermaid(b, m, o) })
	draw("dot", func(b *bytes.Buffer) (string, error) { return graph.Dot(b, m, o) })
	draw("text", func(b *bytes.Buffer) (string, error) { return graph.Text(b, m, o, 80) })
	draw("json", func(b *bytes.Buffer) (string, error) { return "", json.NewEncoder(b).Encode(m) })
	return all
}

// Nothing in a picture lies on anything else, and nothing depends on chance.
func TestSVG(t *testing.T) {
	for name, m := range models(t) {
		first := drawings(t, m)
		for what, text := range drawings(t, m) {
			if text != first[what] {
				t.Errorf("%s: drawn again, %s is different", name, what)
			}
			if !strings.HasPrefix(what, "svg") {
				continue
			}
			g, err := read(strings.NewReader(text))
			if err != nil {
				t.Errorf("%s, %s: %v", name, what, err)
				continue
			}
			for _, fault := range g.faults() {
				t.Errorf("%s, %s: %s", name, what, fault)
			}
		}
	}
}

// Drawings change only where somebody wants it.
func TestGolden(t *testing.T) {
	var out strings.Builder
	all := models(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		drawn := drawings(t, all[name])
		sum := sha256.New()
		for _, what := range slices.Sorted(maps.Keys(drawn)) {
			if strings.HasPrefix(what, "svg") {
				fmt.Fprintf(sum, "%s\n%s", what, drawn[what])
			}
		}
		fmt.Fprintf(&out, "%s: svg %x", name, sum.Sum(nil)[:6])
		for _, what := range []string{"mermaid", "dot", "text", "json"} {
			fmt.Fprintf(&out, ", %s %x", what, sha256.Sum256([]byte(drawn[what])))
			s := out.String()
			out.Reset()
			out.WriteString(s[:len(s)-52])
		}
		out.WriteByte('\n')
	}
	const golden = "testdata/golden.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(want), "\n")
	for got := range strings.SplitSeq(out.String(), "\n") {
		if !slices.Contains(lines, got) {
			t.Errorf("%q is not in %s; look at the drawing, and run go test -update", got, golden)
		}
	}
}
