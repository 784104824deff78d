package syntax

import (
	"strings"
	"testing"
)

// Each of these kills a process that parses it without limits.
func TestParse_RefusesHostileFiles(t *testing.T) {
	deep := func(open, close string, n int) string {
		return "x = " + strings.Repeat(open, n) + "1" + strings.Repeat(close, n) + "\n"
	}
	files := map[string]string{
		"parentheses.hcl":    deep("(", ")", 100_000),
		"lists.hcl":          deep("[", "]", 100_000),
		"templates.hcl":      "x = " + strings.Repeat(`"${`, 50_000) + "1" + strings.Repeat(`}"`, 50_000) + "\n",
		"directives.hcl":     `x = "` + strings.Repeat(`%{if true}`, 50_000) + `"` + "\n",
		"blocks.hcl":         strings.Repeat("a {\n", 200_000),
		"not.hcl":            "x = " + strings.Repeat("!", 900_000) + "true\n",
		"minus.hcl":          "x = " + strings.Repeat("- ", 400_000) + "1\n",
		"conditions.hcl":     "x = " + strings.Repeat("true ? 1 : ", 90_000) + "1\n",
		"sums.hcl":           "x = 1" + strings.Repeat("+1", 400_000) + "\n",
		"loops.hcl":          "x = [for a in range(1000) : [for b in range(1000) : a]]\n",
		"large.hcl":          strings.Repeat("# nothing\n", 200_000),
		"latin1.hcl":         "x = \"\xe9\"\n",
		"lists.hcl.json":     `{"x": ` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}",
		"templates.hcl.json": `{"x": "` + strings.Repeat("${[", 100_000) + "1" + strings.Repeat("]}", 100_000) + `"}`,
		"not.hcl.json":       `{"x": "${` + strings.Repeat("!", 900_000) + `true}"}`,
	}
	for name, src := range files {
		t.Run(name, func(t *testing.T) {
			f, diags := Parse(name, []byte(src), func(int, int) {})
			if !diags.HasErrors() {
				t.Fatalf("was accepted: %v", f.Name)
			}
			t.Log(diags[0].Summary, diags[0].Subject)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("x = [1, \"${2}\"]\nb \"l\" {\n}\n", false)
	f.Add(`{"b": {"l": {"x": "${1}"}}}`, true)
	f.Fuzz(func(t *testing.T, src string, isJSON bool) {
		name := "f.hcl"
		if isJSON {
			name += ".json"
		}
		file, diags := Parse(name, []byte(src), func(int, int) {})
		if diags.HasErrors() {
			return
		}
		content, _ := file.Body.Content(func(string) bool { return isJSON }, func(string, string) bool { return true })
		for _, b := range content.Blocks {
			b.Range()
		}
	})
}
