package flow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"
)

func environments(t *testing.T, text string) (*flow.Config, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flow.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, diags := flow.Load(flow.Options{Files: []string{path}, Environment: "production", Broker: "memory:"})
	var said strings.Builder
	if err := c.WriteDiagnostics(&said, diags, false); err != nil {
		t.Fatal(err)
	}
	return c, said.String()
}

// What is applied need not know of environments. What does must have the process'.
func TestLoadBeside_Environment(t *testing.T) {
	c, said := environments(t, `
variable "n" { default = 1 }
environment "production" { n = 2 }
`)
	if said != "" {
		t.Fatal(said)
	}
	for text, want := range map[string]string{
		"":                                      "",
		`environment "production" {}`:           "",
		`environment "staging" {}`:              "There is staging.",
		`environment "production" { x = 1 }`:    `declares a variable "x"`,
		"environment \"production\" {\nx {}\n}": "no blocks",
	} {
		_, diags := c.LoadBeside(map[string][]byte{"beside.hcl": []byte(text + "\nqueue \"q\" {}\n")}, nil)
		switch {
		case want == "" && diags.HasErrors():
			t.Errorf("%s: %v", text, diags)
		case want != "" && (!diags.HasErrors() || !strings.Contains(diags[0].Detail, want)):
			t.Errorf("%s: %v, want %s", text, diags, want)
		}
	}
}

// Nothing shows what an environment gives a sensitive variable, whichever was picked.
func TestEnvironment_Sensitive(t *testing.T) {
	_, said := environments(t, `
variable "code" {
  type      = number
  sensitive = true
}
environment "production" { code = "swordfish-one" }
environment "staging" { code = "swordfish-two" }
environment "broken" { cod = "swordfish-two" }
`)
	for _, want := range []string{`The variable "code" must be a number`, "Did you mean code?"} {
		if !strings.Contains(said, want) {
			t.Errorf("it says nothing of %s:\n%s", want, said)
		}
	}
	if strings.Contains(said, "swordfish") {
		t.Errorf("it shows a secret:\n%s", said)
	}
}
