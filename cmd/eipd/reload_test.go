package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Files are loaded anew by a signal and by commands, and whoever asks learns what
// becomes of which flow, or where the files are wrong.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	beat := func(name, every string) string {
		return fmt.Sprintf("adapter \"timer\" %[1]q { every = %[2]q }\nflow %[1]q {\n  from = adapter.%[1]s\n  discard {}\n}\n", name, every)
	}
	write(t, dir, "flows/a.hcl", beat("a", "1h"))
	write(t, dir, "flows/b.hcl", beat("b", "1h"))
	p := start(t, eipd(t, dir, "run", "flows", "--instance", "web1", "--flows-dir", "flows"))
	p.ready(t)
	write(t, dir, "flows/b.hcl", beat("b", "2h"))
	write(t, dir, "flows/c.hcl", beat("c", "1h"))
	out, _ := asking(t, eipd(t, dir, "control", "reload", "--dry-run"), 0)
	holds(t, out, "web1 b would be changed", "web1 c would be new", "web1 1 flow would be the same")
	out, _ = asking(t, eipd(t, dir, "control", "reload", "dry_run=true", "--json"), 0)
	holds(t, out, `"result":{"dry_run":true,"flows":["a","b","c"],"same":["a"],"changed":["b"],"new":["c"],"gone":[]}`)
	out, _ = asking(t, eipd(t, dir, "control", "apply", "c.hcl"), 0)
	holds(t, out, "web1 b changed", "web1 c new", "web1 1 flow the same")
	if err := os.Remove(filepath.Join(dir, "flows", "b.hcl")); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says(t, "flows loaded anew", "same=2 changed=[] new=[] gone=[b]")
	write(t, dir, "flows/a.hcl", "flow {\n")
	_, stderr := asking(t, eipd(t, dir, "control", "reload"), exitFailed)
	holds(t, stderr, "web1: failed: flows/a.hcl:1:1:")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says(t, "nothing was loaded anew", "flows/a.hcl:1:1:")
	out, _ = asking(t, eipd(t, dir, "status"), 0)
	holds(t, out, "running a, c")
	_, stderr = asking(t, eipd(t, dir, "control", "status", "--dry-run"), exitFailed)
	holds(t, stderr, `status has no argument "dry_run"`)
	p.interrupt(t)
}

// A process that was killed runs again what it was told to, and says what it cannot.
func TestApply_AfterAKill(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "main/main.hcl", "control_bus {}\n")
	for _, name := range []string{"a", "b"} {
		write(t, dir, "flows/"+name+".hcl", fmt.Sprintf("variable \"every\" {\n  type    = string\n  default = \"1h\"\n  dynamic = true\n}\nadapter \"timer\" %[1]q { every = var.every }\nflow %[1]q {\n  from = adapter.%[1]s\n  discard {}\n}\n", name))
	}
	run := func() *process {
		p := start(t, eipd(t, dir, "run", "main", "--instance", "web1", "--flows-dir", "flows", "--broker", "memory:"))
		p.ready(t)
		return p
	}
	p := run()
	_, stderr := asking(t, eipd(t, dir, "control", "apply", "a.hcl", "vars.evry=1s"), exitFailed)
	holds(t, stderr, `web1: bad_args: Unknown variable: What is applied declares no variable "evry". Did you mean every?`)
	for _, name := range []string{"a.hcl", "b.hcl"} {
		out, _ := asking(t, eipd(t, dir, "control", "apply", name, "vars.every=5ms"), 0)
		holds(t, out, "web1 "+strings.TrimSuffix(name, ".hcl")+" new")
	}
	out, _ := asking(t, eipd(t, dir, "control", "set", "statistics_every=10s", "for=1h"), 0)
	holds(t, out, "web1 statistics_every=10s was=0s until")
	out, _ = asking(t, eipd(t, dir, "control", "list"), 0)
	holds(t, out, "statistics every 10s (until")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.reading.Wait()
	_ = p.cmd.Wait() // it was killed
	write(t, dir, "flows/b.hcl", "flow {\n")
	p = run()
	out, _ = asking(t, eipd(t, dir, "status"), 0)
	holds(t, out, "running a ", "web1: flow file b.hcl is not applied: flows/b.hcl:1:1:")
	until(t, "it has the value of its variable", func() bool {
		out, _ := asking(t, eipd(t, dir, "control", "stats", "a", "--json"), 0)
		return !strings.Contains(out, `"received":0`)
	})
	out, _ = asking(t, eipd(t, dir, "control", "remove", "a.hcl"), 0)
	holds(t, out, "web1 a gone")
	p.interrupt(t)
}

// says waits until the log has a line with these words.
func (p *process) says(t *testing.T, words ...string) {
	t.Helper()
next:
	for l := range p.log {
		p.seen = append(p.seen, l)
		for _, w := range words {
			if !strings.Contains(l, w) {
				continue next
			}
		}
		return
	}
	p.fail(t, fmt.Sprintf("it did not say %q", words))
}
