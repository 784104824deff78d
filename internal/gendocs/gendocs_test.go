package gendocs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/schema"
)

// box is a component whose comments are read.
//
// It has two paragraphs
// and is used by TestProse.
type box struct {
	side
	// How much
	// it holds.
	Size  int    `flow:"size"`
	Label string `flow:",label"`
	inner int    // no option
	// Lid of the box.
	Lid struct{} `flow:"lid,block"`
}

// A side colours it.
type side struct {
	// The colour, a|b.
	Color string `flow:"color"`
}

func TestProse(t *testing.T) {
	// Comments of tests are no documentation, so the file stands in as another.
	dir := filepath.Join(t.TempDir(), "internal", "gendocs")
	src, err := os.ReadFile("gendocs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "box.go"), src, 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := prose(filepath.Join(dir, "..", ".."), []*schema.Block{schema.Of(&box{inner: 1})})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	const pkg = module + "/internal/gendocs."
	want := map[string]string{
		pkg + "box":        "A component whose comments are read.\n\nIt has two paragraphs and is used by TestProse.",
		pkg + "box.Size":   "How much it holds.",
		pkg + "box.Lid":    "Lid of the box.",
		pkg + "side":       "Colours it.",
		pkg + "side.Color": "The colour, a|b.",
	}
	for name, prose := range want {
		if got[name] != prose {
			t.Errorf("%s is %q, want %q", name, got[name], prose)
		}
	}
	if len(got) != len(want) {
		t.Errorf("there are %d comments, want %d: %s", len(got), len(want), text)
	}
}

func TestFill(t *testing.T) {
	source := func(page, name, argument string) (string, error) { return page + " " + name + " " + argument, nil }
	tests := map[string]struct{ text, want, err string }{
		"none":       {text: "plain\n"},
		"replaced":   {text: "a\n<!-- x -->\nold\n<!-- /x -->\nb\n", want: "a\n<!-- x -->\np.md x \n<!-- /x -->\nb\n"},
		"argument":   {text: "<!-- x: y z -->\n<!-- /x -->\n", want: "<!-- x: y z -->\np.md x y z\n<!-- /x -->\n"},
		"two":        {text: "<!-- x -->\n<!-- /x -->\n-\n<!-- y -->\n<!-- /y -->\n", want: "<!-- x -->\np.md x \n<!-- /x -->\n-\n<!-- y -->\np.md y \n<!-- /y -->\n"},
		"in a line":  {text: "the marker `<!-- x -->` here\n"},
		"no end":     {text: "<!-- x -->\n", err: "has no end"},
		"no begin":   {text: "<!-- /x -->\n", err: "ends nothing"},
		"other end":  {text: "<!-- x -->\n<!-- /y -->\n", err: "ends nothing"},
		"overlapped": {text: "<!-- x -->\n<!-- y -->\n<!-- /y -->\n", err: "begins before"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := fill("p.md", tt.text, source)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("filled %q, error %v; want %q, %q", got, err, tt.want, tt.err)
			}
			if tt.want != "" {
				if again, _ := fill("p.md", got, source); again != got {
					t.Errorf("filled again it becomes %q", again)
				}
			}
		})
	}
}
