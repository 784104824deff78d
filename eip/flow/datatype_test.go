package flow_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/eipd/eipd/eip/flow"
)

// A flow is another one when a schema that it has to do with says something else, be it in
// a file that this refers to.
func TestFingerprint_Schemas(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("order.json", `{"properties": {"id": {"$ref": "id.json"}}}`)
	write("other.json", `{}`)
	write("flow.hcl", `
schema "order" { file = "order.json" }
schema "other" { file = "other.json" }
queue "in" {}
queue "orders" { schema = schema.order }
flow "checks" {
  from = queue.in
  validate { schema = schema.order }
  discard {}
}
flow "sends" {
  from = queue.in
  to   = queue.orders
}
flow "takes" {
  from = queue.orders
  discard {}
}
flow "neither" {
  from = queue.in
  validate { schema = schema.other }
  discard {}
}
`)
	fingerprints := func(id string) (all []string) {
		t.Helper()
		write("id.json", id)
		c, diags := flow.Load(flow.Options{Files: []string{filepath.Join(dir, "flow.hcl")}, Broker: "memory:"})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		for _, f := range c.Flows {
			all = append(all, c.Fingerprint(f))
		}
		return all
	}
	before, same, after := fingerprints(`{"type": "integer"}`), fingerprints(`{"type": "integer"}`), fingerprints(`{"type": "number"}`)
	for i, name := range []string{"checks", "sends", "takes", "neither"} {
		if before[i] != same[i] || (before[i] == after[i]) != (name == "neither") {
			t.Errorf("%s: %s, %s, %s", name, before[i], same[i], after[i])
		}
	}
}
