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

// What is wrong in a process is shown where it stands, in both forms of flow files.
func TestLoad_ProcessManagerSaysWhere(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"native": {"flow.hcl", `
queue "in" {}
topic "all" {}
flow "f" {
  from = queue.in
  process_manager "p" {
    key = "body.k"
    on "begin" { goto = "asking" }
    state "asking" {
      on "one" {
        if   = "body.one"
        goto = "ends"
        send {
          to   = queue.in
          body = "body"
        }
        send {
          to   = queue.in
          body = "process.k"
        }
      }
      on "two" {
        request "stock" {
          to      = topic.all
          timeout = "1s"
        }
      }
      after "soon" { goto = "end" }
      otherwise { goto = "endd" }
    }
    final "end" {}
  }
}
`, `12,16-22: "state asking": on one: goto: there is no state "ends"; did you mean end?
19,18-29: "state asking": on one: send: body: process has no member "k"
24,21-30: "state asking": on two: request stock: to: it is one queue
28,7-19: "state asking": after "soon" is no time
29,26-32: "state asking": otherwise: goto: there is no state "endd"`},
		"JSON": {"flow.json", `{
"queue": {"in": {}},
"flow": {"f": {"from": "queue.in", "process_manager": {"p": {
"key": "body.k",
"on": {"begin": {"goto": "asking"}},
"state": {
  "asking": {"on": {
    "one": {"if": "body.one",
      "goto": "ends"},
    "two": {"goto": "end"}}},
  "lonely": {}
},
"final": {"end": {}}
}}}}
}`, `9,15-21: "state asking": on one: goto: there is no state "ends"; did you mean end?`},
		"a name that is none": {"flow.hcl", `
queue "in" {}
flow "f" {
  from = queue.in
  process_manager "p" {
    key = "body.k"
    on "begin" { goto = "" }
    final "" {}
  }
}
`, `8,11-13: Invalid name; "" is no name.`},
		"JSON, a state": {"flow.json", `{
"queue": {"in": {}},
"flow": {"f": {"from": "queue.in", "process_manager": {"p": {
"key": "body.k",
"on": {"begin": {"goto": "end"}},
"state": {
  "lonely": {}
},
"final": {"end": {}}
}}}}
}`, `7,3-11: "state lonely": no process comes into it`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, diags := flow.Load(flow.Options{Files: []string{file}, Broker: "memory:"})
			got := ""
			for _, d := range diags {
				got += strings.ReplaceAll(d.Error(), filepath.Dir(file)+"/", "") + "\n"
			}
			if strings.Contains(got, "?.") {
				t.Errorf("a question ends with a full stop:\n%s", got)
			}
			for line := range strings.Lines(c.want) {
				place, what, _ := strings.Cut(strings.TrimSpace(line), ": ")
				if !strings.HasPrefix(what, "Invalid") {
					what = "Wrong option; The stage process_manager cannot be used like this: " + what
				}
				if !strings.Contains(got, c.file+":"+place+": "+what) {
					t.Errorf("it does not say %s; it says\n%s", line, got)
				}
			}
		})
	}
}
