package flow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/flow"

	_ "github.com/eipd/eipd/eip/broker/embedded"
	_ "github.com/eipd/eipd/eip/broker/memory"
)

// A fingerprint is of what is said in the end, and of all that a flow uses.
func TestConfig_Fingerprint(t *testing.T) {
	const file = `
locals { to = queue.out }
queue "in" { dead_letter = queue.late }
queue "late" {}
queue "out" {}
queue "other" {}
flow "f" {
  from = queue.in
  filter { if = "body.n > 1" }
  to = local.to
}
flow "late" {
  from = queue.late
  to = queue.other
}
`
	const late = "flow \"late\" {"
	receive := func(more string) string {
		return "interceptor \"i\" {\n  on = \"receive\"\n  filter { if = \"body.m\" }\n  " + more + "\n}\n" + late
	}
	send := func(more string) string {
		return "interceptor \"i\" {\n  on = \"send\"\n  filter { if = \"body.m\" }\n  " + more + "\n}\n" + late
	}
	print := func(text, broker string) string {
		path := filepath.Join(t.TempDir(), "flow.hcl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, diags := flow.Load(flow.Options{Files: []string{path}, Broker: broker})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		built, err := c.Build(eip.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		if c.Fingerprint(c.Flows[0]) != built.Fingerprint(built.Flows[0]) {
			t.Error("what is built has another fingerprint")
		}
		return c.Fingerprint(c.Flows[0])
	}
	want := print(file, "memory:")
	fits := func(only string) string {
		return print(strings.Replace(file, late, receive(only), 1), "memory:")
	}
	if fits("only = [flow.f]") != fits("only = [flow.f, flow.late]") {
		t.Error("it depends on which other flows an interceptor fits")
	}
	for name, c := range map[string]struct {
		old, new, broker string
		same             bool
	}{
		"nothing":                     {"", "", "memory:", true},
		"a comment":                   {"filter", "# why\n  filter", "memory:", true},
		"what it does not use":        {`"other" {}`, `"other" { durable = false }`, "memory:", true},
		"a value said in another way": {`"body.n > 1"`, `"body.n > ${2 - 1}"`, "memory:", true},
		"an expression":               {"n > 1", "n > 2", "memory:", false},
		"a stage's name":              {"filter {", `filter "x" {`, "memory:", false},
		"a stage more":                {"filter", "log { message = \"'x'\" }\n  filter", "memory:", false},
		"where a local leads":         {"to = queue.out", "to = queue.other", "memory:", false},
		"a channel's option":          {`"out" {}`, `"out" { durable = false }`, "memory:", false},
		"of its dead letters":         {`"late" {}`, `"late" { durable = false }`, "memory:", false},
		"its broker":                  {"", "", "embedded:", false},
		"an interceptor":              {late, receive("only = queue.in"), "memory:", false},
		"one before what it sends":    {late, send("only = queue.out"), "memory:", false},
		"one of another flow":         {late, receive("only = flow.late"), "memory:", true},
		"one before what it does not": {late, send("only = queue.other"), "memory:", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := print(strings.Replace(file, c.old, c.new, 1), c.broker); (got == want) != c.same {
				t.Errorf("the same: %v, want %v", got == want, c.same)
			}
		})
	}
}
