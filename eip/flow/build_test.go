package flow_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"

	_ "github.com/eipd/eipd/eip/transform"
)

// One text is compiled once for each kind of option that it stands in, and each flow.
func TestBuild_OneTextOfManyKinds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flow.hcl")
	stages := `
  from = queue.in
  filter { if = "body.a" }
  log { message = "body.a" }
  transform {
    body    = "body.a"
    headers = { a = "body.a" }
  }
  discard {}
}
`
	if err := os.WriteFile(path, []byte("queue \"in\" {}\nflow \"one\" {"+stages+"flow \"two\" {"+stages), 0o600); err != nil {
		t.Fatal(err)
	}
	c, diags := flow.Load(flow.Options{Files: []string{path}, Broker: "memory:"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	built, err := c.Build(eip.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range built.Flows {
		if len(f.Body.Stages) != 4 || f.Body.Stages[0] == c.Flows[i].Body.Stages[0] {
			t.Errorf("the flow %s is built of %d stages, or of another's", f.Name, len(f.Body.Stages))
		}
	}
}
