package flow_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"

	_ "github.com/eipd/eipd/eip/broker/memory"
	_ "github.com/eipd/eipd/eip/endpoint"
	_ "github.com/eipd/eipd/eip/routing"
)

func variable(value string) string {
	return "variable \"pw\" {\n sensitive = true\n default = " + value + "\n}\n"
}

// Diagnostics show no secret, even where it is what is wrong.
func TestSecrets_AreInNoDiagnostic(t *testing.T) {
	for name, tt := range map[string]struct{ text, vars, secret string }{
		"the wrong type":            {"variable \"pw\" {\n type = number\n sensitive = true\n default = \"hunter22\"\n}\n", "", "hunter"},
		"three letters":             {"variable \"pw\" {\n type = number\n sensitive = true\n default = \"abc\"\n}\n", "", "abc"},
		"a digit":                   {"variable \"pw\" {\n type = list(string)\n sensitive = true\n default = 7\n}\n", "", "7"},
		"it cannot be evaluated":    {"variable \"pw\" {\n sensitive = true\n default = \"hunter${nosuch}\"\n}\n", "", "hunter"},
		"a broken sensitive":        {"variable \"pw\" {\n sensitive = \"x\"\n default = \"hunter22\" + 1\n}\n", "", "hunter"},
		"a variable file":           {"variable \"pw\" {\n type = number\n sensitive = true\n}\n", "pw = \"hunter22\"\n", "hunter"},
		"a broken variable file":    {"variable \"pw\" {\n sensitive = true\n}\n", "pw = \"hunter22\n", "hunter"},
		"what is no duration":       {variable(`"hunter22"`) + "control_bus {\n statistics_every = var.pw\n}\n", "", "hunter"},
		"a part of it":              {variable(`"hunter22"`) + "control_bus {\n statistics_every = substr(var.pw, 0, 6)\n}\n", "", "hunter"},
		"an expression":             {variable(`"hunter22"`) + "flow \"f\" {\n from = queue.q\n filter { if = \"hunter22(${var.pw}\" }\n discard {}\n}\nqueue \"q\" {}\n", "", "hunter"},
		"a broker's URL":            {"broker \"b\" {\n url = \"nosuch://joe:hunter22@h\"\n}\n", "", "hunter"},
		"a broken URL":              {"broker \"b\" {\n url = \"amqp://joe:hunter/22@h\"\n}\n", "", "hunter"},
		"a URL's query":             {"broker \"b\" {\n url = \"nosuch://h/?token=hunter22\"\n}\n", "", "hunter"},
		"a long line that is cut":   {variable(`"hunter22hunter22"`) + "control_bus {\n statistics_every = \"" + strings.Repeat("x", 150) + "hunter22hunter22\"\n}\n", "", "hunter22"},
		"a secret of several lines": {"variable \"pw\" {\n type = number\n sensitive = true\n default = <<EOT\nhunter22 one\nhunter22 two\nEOT\n}\n", "", "hunter"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, vars := filepath.Join(dir, "a.hcl"), filepath.Join(dir, "b.vars")
			o := flow.Options{Files: []string{file}, Broker: "memory:"}
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.vars != "" {
				if err := os.WriteFile(vars, []byte(tt.vars), 0o600); err != nil {
					t.Fatal(err)
				}
				o.VarFiles = []string{vars}
			}
			c, diags := flow.Load(o)
			if !diags.HasErrors() {
				t.Fatal("nothing is wrong")
			}
			var out bytes.Buffer
			if err := c.WriteDiagnostics(&out, diags, false); err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(out.String(), dir, "")
			for _, line := range strings.Split(text, "\n") {
				if _, shown, ok := strings.Cut(line, " | "); ok {
					line = shown
				} else if _, rest, ok := strings.Cut(line, "error: "); ok {
					line = rest
				}
				if strings.Contains(line, tt.secret) {
					t.Errorf("it says:\n%s", text)
				}
			}
		})
	}
}
