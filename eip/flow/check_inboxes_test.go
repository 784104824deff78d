package flow_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"

	_ "github.com/eipd/eipd/eip/routing"
)

// The blocks of a process manager are read as they are written; all its requests go to one
// broker, and an error is at the block that is to blame.
func TestLoad_ProcessManager(t *testing.T) {
	for name, c := range map[string]struct{ broker, state, want string }{
		"well":           {"one", "", ""},
		"of two brokers": {"two", "", "flow.hcl:10,1-9: Several brokers; The stage f.p takes all replies in one inbox, and asks on queue.a and queue.b"},
		"a wrong state":  {"one", "state \"other\" {}", `flow.hcl:32,5-18: Wrong option; The stage process_manager cannot be used like this: "state other": no process comes into it`},
		"set to no name": {"one", "state \"other\" {\n on \"x\" { set = { a = \"proces.key\" } }\n }", `There is no name "proces"`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "flow.hcl")
			text := `
broker "one" { url = "memory:one" }
broker "two" { url = "memory:two" }
queue "in" { broker = broker.one }
queue "a" { broker = broker.one }
queue "b" {
  broker = broker.` + c.broker + `
}

flow "f" {
  from = queue.in
  process_manager "p" {
    key = "body.k"
    on "begin" {
      set = { a = "body.a", b = "process.key" }
      request "one" { to = queue.a }
      request "two" { to = queue.b }
      goto = "asking"
    }
    state "asking" {
      on_reply "one" {
        if   = "body.ok and process.data.a > 1"
        goto = "end"
      }
      on_reply "one" { goto = "asking" }
      otherwise { goto = "end" }
      after "1h30m" { goto = "end" }
    }
    final "end" {
      send { to = [queue.a, queue.b] }
    }
    ` + c.state + `
  }
}
`
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			config, diags := flow.Load(flow.Options{Files: []string{file}, Broker: "memory:"})
			got := ""
			for _, d := range diags {
				got += d.Error() + "\n"
			}
			if c.want == "" && diags.HasErrors() || !strings.Contains(got, c.want) {
				t.Errorf("it says %s", got)
			}
			if c.want == "" && len(config.Flows[0].Endpoints) != 2 {
				t.Errorf("it sends to %d", len(config.Flows[0].Endpoints))
			}
		})
	}
}
