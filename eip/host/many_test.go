package host_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/host"

	_ "github.com/eipd/eipd/eip/broker/embedded"
	_ "github.com/eipd/eipd/eip/manage"
	_ "github.com/eipd/eipd/eip/transform"
)

const counting = `
variable "limit" { default = 2 }
locals {
  over = "body.n > ${var.limit}"
}
adapter "file" "in" {
  path   = "%DIR%/in"
  follow = false
}
adapter "file" "out" { path = "%DIR%/out" }
queue "work" {}
flow "take" {
  from = adapter.in
  wire_tap { to = queue.seen }
  to = queue.work
}
queue "seen" {}
flow "look" {
  from = queue.seen
  discard {}
}
flow "give" {
  from = queue.work
  filter { if = local.over }
  transform { body = file("shape") }
  to = adapter.out
}
`

// manyOf loads flows that read a file of three lines, and write two to out.
func manyOf(t *testing.T) (c *flow.Config, out string) {
	t.Helper()
	dir := t.TempDir()
	for path, text := range map[string]string{filepath.Join(dir, "in"): "{\"n\": 1}\n{\"n\": 3}\n{\"n\": 5}\n", filepath.Join(dir, "shape"): "body.n * 2",
		filepath.Join(dir, "flow.hcl"): strings.ReplaceAll(counting, "%DIR%", dir)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, diags := flow.Load(flow.Options{Files: []string{filepath.Join(dir, "flow.hcl")}, Broker: "embedded:"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	// What a Config has read it does not read again.
	if err := os.Remove(filepath.Join(dir, "shape")); err != nil {
		t.Fatal(err)
	}
	return c, filepath.Join(dir, "out")
}

func idleOnce(t *testing.T, c *flow.Config) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h, err := start(ctx, c, host.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Error(err)
		return
	}
	if err := h.WaitIdle(ctx); err != nil {
		t.Error(err)
	}
	if err := h.Stop(); err != nil {
		t.Error(err)
	}
	for _, s := range h.Stats() {
		if want := map[string]int64{"take": 3, "look": 3, "give": 3}[s.Flow]; s.Received != want {
			t.Errorf("the flow %s has received %d messages, want %d", s.Flow, s.Received, want)
		}
	}
}

// One Config runs any number of times, one after the other and at once: no run has
// anything of another.
func TestConfig_RunsManyTimes(t *testing.T) {
	c, out := manyOf(t)
	idleOnce(t, c)
	idleOnce(t, c)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { idleOnce(t, c) })
	}
	all.Wait()
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(got), "6\n"); n != 6 || strings.Count(string(got), "\n") != 12 {
		t.Errorf("six runs have written %q", got)
	}
}

// Units of a Host share its broker; a name is of one flow.
func TestHost_Units(t *testing.T) {
	text := func(flow, from, to string) string {
		return "queue \"" + from + "\" {}\nqueue \"" + to + "\" {}\nflow \"" + flow + "\" {\n from = queue." + from + "\n to = queue." + to + "\n}\n"
	}
	h, err := start(t.Context(), load(t, text("first", "a", "b")), host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := h.Start(t.Context(), load(t, text("second", "b", "c")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(t.Context(), load(t, text("second", "b", "d"))); err == nil {
		t.Error("two flows have one name")
	}
	if n := len(h.Brokers()); n != 1 {
		t.Errorf("%d brokers are open", n)
	}
	inject(t, h, "queue.a")
	if err := h.WaitIdle(t.Context()); err != nil {
		t.Error(err)
	}
	if got := h.Stats(); len(got) != 2 || got[1].Sent != 1 {
		t.Errorf("there is %+v", got)
	}
	if err := second.Stop(); err != nil {
		t.Error(err)
	}
	if got := h.Stats(); len(got) != 1 || got[0].Sent != 1 {
		t.Errorf("after the second unit has gone there is %+v", got)
	}
	if err := h.Stop(); err != nil {
		t.Error(err)
	}
}
