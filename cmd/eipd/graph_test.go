package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/graph"
)

// A running process answers graph with what eipd graph prints of its files; when something
// is switched, only that differs.
func TestGraph_OfAProcess(t *testing.T) {
	t.Parallel()
	c := runControlled(t, switched, "one")
	ofProcess := func() (m graph.Model) {
		t.Helper()
		stdout, _ := c.ask(0, "control", "graph", "--json")
		if err := answers(t, stdout)[0].Read(&m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	stdout, _ := c.ask(0, "graph", "flow.hcl", "--format", "json")
	var files graph.Model
	if err := json.Unmarshal([]byte(stdout), &files); err != nil {
		t.Fatal(err)
	}
	same := func(a, b graph.Model) bool {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		return bytes.Equal(x, y)
	}
	if m := ofProcess(); !same(m, files) {
		t.Errorf("the process says\n%+v\nand of the files it is\n%+v", m, files)
	}
	if stdout, _ := c.ask(0, "graph", "--data-dir", ".eipd", "--format", "text"); !strings.Contains(stdout, "[detour loud (off)]") {
		t.Errorf("before it is switched: %s", stdout)
	}
	c.ask(0, "control", "set", "f.loud", "enabled=true")
	if m := ofProcess(); same(m, files) || m.Version != files.Version {
		t.Errorf("switched, it is %+v", m)
	}
	c.ask(0, "control", "stop", "f")
	stdout, _ = c.ask(0, "graph", "--data-dir", ".eipd", "--format", "text")
	holds(t, stdout, "f (stopped)", "[detour loud]", "[wire tap aside (off)]")
	stdout, _ = c.ask(0, "graph", "--socket", ".eipd/control.sock")
	holds(t, stdout, "(stopped)", "1 process at ")
	c.ask(3, "graph", "--data-dir", "nowhere")
	c.interrupt(t)
}

func TestGraph_Files(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "flow.hcl", switched)
	write(t, dir, "bad.hcl", "flow \"f\" {")
	run := func(code int, args ...string) string {
		t.Helper()
		stdout, stderr := asking(t, eipd(t, dir, append([]string{"graph"}, args...)...), code)
		return stdout + stderr
	}
	is := func(name, first string) {
		t.Helper()
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(string(text), first) {
			t.Errorf("%s begins with %.60q, %v", name, text, err)
		}
	}
	for name, first := range map[string]string{"a.svg": "<svg ", "a.mmd": "flowchart ", "a.dot": "digraph ", "a.txt": "f\n", "a.json": "{\n  \"v\": 1", "a": "<svg "} {
		run(0, "flow.hcl", "-o", name)
		is(name, first)
		run(0, "flow.hcl", "--check", name)
	}
	if out := run(1, "flow.hcl", "--depth", "1", "--check", "a.svg"); !strings.Contains(out, "a.svg is not what") {
		t.Error(out)
	}
	run(0, "flow.hcl", "--direction", "down", "--theme", "print", "--failures", "all", "--conditions", "--link-base", "https://example.org/", "-o", "b.svg")
	is("b.svg", "<svg ")
	run(1, "bad.hcl")
	run(1, "flow.hcl", "--check", "missing.svg")
	run(1, "flow.hcl", "--flow", "g")
	run(1, "flow.hcl", "--states", "f.loud")
	write(t, dir, "page.md", "no marker\n")
	run(1, "-o", "page.md")
	for _, wrong := range [][]string{{}, {"flow.hcl", "--format", "png"}, {"flow.hcl", "--depth", "3"}, {"flow.hcl", "-o", "page.md"}, {"flow.hcl", "--direction", "up"},
		{"flow.hcl", "-o", "a", "--check", "b"}, {"-o", "page.md", "--format", "svg"}, {"flow.hcl", "--flow", "f", "--around", "f"}, {"flow.hcl", "--flow", "f", "--states", "f"}} {
		run(2, wrong...)
	}
}
