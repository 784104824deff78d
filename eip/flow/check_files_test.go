package flow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"

	_ "github.com/eipd/eipd/eip/transform"
)

// Whoever checks flow files is told of tables that cannot be read; whoever loads them to run
// is told when the flow starts.
func TestCheck_Tables(t *testing.T) {
	for name, c := range map[string]struct{ file, text, wrong string }{
		"well":             {"p.csv", "sku,price\npen,2\n", ""},
		"not there":        {"none.csv", "", "the table cannot be read"},
		"a folder":         {"folder.csv", "", "the table cannot be read"},
		"without a column": {"p.csv", "name,price\npen,2\n", "row 1: it has no member sku"},
		"a double":         {"p.jsonl", "{\"sku\": 1}\n{\"sku\": 1}", "row 2: there is a row"},
		"broken":           {"p.json", `[{"sku": 1}`, "unexpected end"},
		"broken and large": {"p.json", "[" + strings.Repeat(" ", 1<<20), ""},
		"too large":        {"huge.csv", "", "67108864 bytes"},
	} {
		dir := t.TempDir()
		flows := filepath.Join(dir, "flow.hcl")
		text := "queue \"in\" {}\nflow \"f\" {\n from = queue.in\n content_enricher {\n  key = \"body\"\n  file = \"" + c.file + "\"\n  column = \"sku\"\n }\n discard {}\n}"
		for file, text := range map[string]string{flows: text, filepath.Join(dir, "p"+filepath.Ext(c.file)): c.text, filepath.Join(dir, "huge.csv"): ""} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Truncate(filepath.Join(dir, "huge.csv"), 64<<20+1); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, "folder.csv"), 0o700); err != nil {
			t.Fatal(err)
		}
		got := ""
		_, diags := flow.Check(flow.Options{Files: []string{flows}, Broker: "memory:"})
		for _, d := range diags.Errs() {
			got += d.Error() + "\n"
		}
		if (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) || c.wrong != "" && !strings.Contains(got, "flow.hcl:6,") {
			t.Errorf("%s: it says %q, want %q", name, got, c.wrong)
		}
		if _, diags := flow.Load(flow.Options{Files: []string{flows}, Broker: "memory:"}); diags.HasErrors() {
			t.Errorf("%s: it does not load: %v", name, diags)
		}
	}
}
