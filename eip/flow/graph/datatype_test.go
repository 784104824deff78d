package graph_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph"
)

// What checks a Datatype Channel stands in no block, and is there all the same.
func TestOf_DatatypeChannel(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "flow.hcl")
	for name, text := range map[string]string{"order.json": `{}`, "flow.hcl": `
schema "order" { file = "order.json" }
queue "orders" { schema = schema.order }
flow "in" {
  from = queue.orders
  filter { if = "body.paid" }
  discard {}
}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := graph.Of(load(t, file))
	i := slices.IndexFunc(m.Nodes, func(n graph.Node) bool { return n.ID == "in.schema" })
	if i < 0 || m.Nodes[i].Pattern != "Datatype Channel" || m.Nodes[i].If != "" {
		t.Errorf("%+v", m.Nodes)
	}
}
