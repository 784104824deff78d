package control_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"
)

// idle runs a process that has no flows.
func idle(t *testing.T) (c *control.Client, flows string) {
	t.Helper()
	dir := t.TempDir()
	config, diags := flow.Load(flow.Options{NoFiles: true, Broker: "memory:"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, c = minionOf(t, dir, config, discard)
	return c, dir
}

// minionOf runs a process that may be given flows from the folder of its data.
func minionOf(t *testing.T, dir string, config *flow.Config, log *slog.Logger) (*host.Host, *control.Client) {
	t.Helper()
	p := host.New(host.Options{Instance: "idle", DataDir: dir, FlowsDir: dir, Log: log})
	if _, err := p.Start(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	socket := filepath.Join(dir, "s")
	if err := p.Control().ServeSocket(socket); err != nil {
		t.Fatal(err)
	}
	c, err := control.DialSocket(socket)
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

// A process without flows is given one, another in its place, and loses it again;
// what is wrong with a file changes nothing.
func TestApply(t *testing.T) {
	c, dir := idle(t)
	out := poolOf(t.Name())
	write := func(file, text string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sending := func(flow, mark string) string {
		return `adapter "basin" "out" {
  name = "` + t.Name() + `"
}
queue "q" {}
flow "` + flow + `" {
  from = queue.q
  mark "` + mark + `" {}
  to = adapter.out
}
`
	}
	write("a.hcl", sending("orders", "one"))
	if got := do[control.Applied](t, c, "apply", "a.hcl", nil); strings.Join(got.Flows, " ") != "orders" {
		t.Errorf("%+v", got)
	}
	passes := func(n int, mark string) {
		t.Helper()
		do[any](t, c, "inject", "queue.q", args{"body": "x"})
		out.await(t, n)
		if got := out.messages()[n-1].Headers["marks"]; got != " "+mark {
			t.Errorf("message %d has passed%v, want %s", n, got, mark)
		}
	}
	passes(1, "one")
	write("a.hcl", sending("orders", "two"))
	do[any](t, c, "apply", "a.hcl", nil)
	passes(2, "two")
	write("a.hcl", "flow {")
	refused(t, c, control.Failed, "apply", "a.hcl", nil)
	write("b.hcl", sending("orders", "three"))
	refused(t, c, control.Failed, "apply", "b.hcl", nil) // the flow is another file's
	passes(3, "two")
	do[any](t, c, "stop", "orders", nil)
	do[any](t, c, "start", "orders", nil)
	passes(4, "two")
	do[any](t, c, "remove", "a.hcl", nil)
	if st := do[control.Status](t, c, "status", "", nil); len(st.Flows) != 0 {
		t.Errorf("%+v", st)
	}
	refused(t, c, control.Failed, "remove", "a.hcl", nil)
}

// What was set on a flow that is the same in a file that is applied anew stays, and is
// given back; what was set on another is forgotten.
func TestApply_KeepsWhatWasSet(t *testing.T) {
	c, dir := idle(t)
	apply := func(more string) {
		t.Helper()
		text := "queue \"a\" {}\nqueue \"tapped\" {}\n"
		for flow, more := range map[string]string{"same": "", "changes": more} {
			text += fmt.Sprintf(`
queue "of_%[1]s" {}
flow "%[1]s" {
  from = queue.of_%[1]s
  %[2]s
  wire_tap { to = queue.tapped }
  to = queue.a
}
`, flow, more)
		}
		if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		do[any](t, c, "apply", "a.hcl", nil)
	}
	is := func(stage string) any {
		t.Helper()
		for _, f := range do[control.Graph](t, c, "list", "", nil).Flows {
			for _, st := range f.Stages {
				if st.Address == stage {
					return st.Settable["enabled"]
				}
			}
		}
		t.Fatalf("there is no stage %s", stage)
		return nil
	}
	apply("")
	for _, stage := range []string{"same.wire_tap", "changes.wire_tap"} {
		do[any](t, c, "set", stage, args{"enabled": false, "for": "1h"})
	}
	apply(`filter { if = "true" }`)
	if same, changes := is("same.wire_tap"), is("changes.wire_tap"); same != false || changes != true {
		t.Errorf("of the flow that is the same it is %v, of the other one %v", same, changes)
	}
	var changed []string
	for _, f := range do[control.Graph](t, c, "list", "", nil).Flows {
		for _, st := range f.Stages {
			if e, ok := st.Changed["enabled"]; ok && e.Until != nil {
				changed = append(changed, st.Address)
			}
		}
	}
	if got := strings.Join(changed, " "); got != "same.wire_tap" {
		t.Errorf("leases run on %q", got)
	}
	do[any](t, c, "remove", "a.hcl", nil)
	apply("")
	if is("same.wire_tap") != true {
		t.Error("what was removed is set when it comes again")
	}
}

// No name leads out of the folder.
func TestApply_TakesFilesOfTheFolderOnly(t *testing.T) {
	c, dir := idle(t)
	outside := filepath.Join(t.TempDir(), "x.hcl")
	if err := os.WriteFile(outside, []byte("queue \"q\" {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.hcl")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{outside, "../" + filepath.Base(filepath.Dir(outside)) + "/x.hcl", "link.hcl", "", ".", "..", "/etc/passwd", "none.hcl", "a/../x.hcl", ".hidden.hcl", "s", "x\x00.hcl", strings.Repeat("x", 300)} {
		if _, err := try[any](t, c, "apply", name, nil); err == nil {
			t.Errorf("%q was applied", name)
		}
	}
}

// A name that stands for a link at one moment and for a file at the next never gives
// what the link leads to.
func TestApply_Swapped(t *testing.T) {
	c, dir := idle(t)
	outside := filepath.Join(t.TempDir(), "x.hcl")
	for path, text := range map[string]string{outside: "queue \"outside\" {}", filepath.Join(dir, "in"): "broken {"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		next := filepath.Join(dir, "next")
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if i%2 == 0 {
				_ = os.Link(filepath.Join(dir, "in"), next)
			} else {
				_ = os.Symlink(outside, next)
			}
			_ = os.Rename(next, filepath.Join(dir, "a.hcl"))
			_ = os.Remove(next)
		}
	}()
	defer func() { close(stop); <-stopped }()
	for range 300 {
		if _, err := try[any](t, c, "apply", "a.hcl", nil); err == nil {
			t.Fatal("what the link leads to was applied")
		}
	}
}

// What a command gives variables is checked, is in no log, and is given anew with each
// command.
func TestApply_Vars(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	config, diags := flow.Load(flow.Options{NoFiles: true, Broker: "memory:"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	p, c := minionOf(t, dir, config, slog.New(slog.NewJSONHandler(&log, nil)))
	text := `
variable "to" {
  type    = string
  default = "none"
  dynamic = true
}
variable "fixed" { default = 1 }
queue "in" { address = var.to }
flow "f" {
  from = queue.in
  discard {}
}
`
	if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := func(want string) {
		t.Helper()
		for _, ch := range do[control.Graph](t, c, "list", "", nil).Channels {
			if ch.Name == "queue.in" && ch.Address != want {
				t.Errorf("the queue is %s, want %s", ch.Address, want)
			}
		}
	}
	do[any](t, c, "apply", "a.hcl", args{"vars": args{"to": "swordfish"}})
	address("swordfish")
	do[any](t, c, "apply", "a.hcl", args{"vars": `{"to": "trout"}`})
	address("trout")
	for _, wrong := range []any{args{"nowhere": "swordfish"}, args{"fixed": "swordfish"}, args{"to": []string{"swordfish"}}, "swordfish", 5, []int{1}, args{"to": strings.Repeat("swordfish", 8000)}} {
		refused(t, c, control.BadArgs, "apply", "a.hcl", args{"vars": wrong})
		address("trout")
	}
	do[any](t, c, "apply", "a.hcl", nil)
	address("none")
	refused(t, c, control.BadArgs, "apply", "a.hcl", args{"replace": "perhaps"})
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Contains(text, "swordfish") || !strings.Contains(text, `"args":{"vars":["nowhere"]}`) {
		t.Errorf("the log is\n%s", text)
	}
}

// What was set on flows that were applied is set again when these are, once.
func TestApply_RemembersWhatWasSet(t *testing.T) {
	dir, main := t.TempDir(), filepath.Join(t.TempDir(), "main.hcl")
	for path, text := range map[string]string{main: "control_bus { remember = true }\n", filepath.Join(dir, "a.hcl"): "queue \"a\" {}\nflow \"f\" {\n  from = queue.a\n  wire_tap {\n    discard {}\n  }\n  discard {}\n}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, diags := flow.Load(flow.Options{Files: []string{main}, Broker: "memory:"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var c *control.Client
	begin := func() *host.Host {
		var p *host.Host
		p, c = minionOf(t, dir, config, discard)
		return p
	}
	enabled := func() any {
		return do[control.Graph](t, c, "list", "f", nil).Flows[0].Stages[0].Settable["enabled"]
	}
	p := begin()
	do[any](t, c, "apply", "a.hcl", nil)
	do[any](t, c, "set", "f.wire_tap", args{"enabled": false})
	for range 2 {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
		p = begin()
		if enabled() != false {
			t.Fatal("what was set is forgotten")
		}
	}
	do[any](t, c, "remove", "a.hcl", nil)
	do[any](t, c, "apply", "a.hcl", nil)
	if enabled() != true {
		t.Error("what was removed is set when it comes again")
	}
}
