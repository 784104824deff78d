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
