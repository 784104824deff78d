package control_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// remembering runs flows in a process that remembers in dir what it is told.
func remembering(t *testing.T, dir, text string) (*control.Server, *control.Client) {
	t.Helper()
	p, _, _ := run(t, text)
	s := control.NewServer(control.Options{Process: p, Instance: "a", DataDir: dir, Remember: true})
	if err := s.ServeSocket(filepath.Join(dir, "s")); err != nil {
		t.Fatal(err)
	}
	c, err := control.DialSocket(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// What was set outlasts a restart, a lease until its end; what the flow file no
// longer has is forgotten.
func TestRemember(t *testing.T) {
	dir := t.TempDir()
	text := `
flow "orders" {
  from = adapter.in
  detour "mark" {
    mark "one" {}
  }
  wire_tap "tap" {
    discard {}
  }
  to = adapter.out
}
`
	begin := func() (*control.Server, *control.Client) { return remembering(t, dir, text) }
	stages := func(c *control.Client) []control.StageNode {
		return do[control.Graph](t, c, "list", "orders", nil).Flows[0].Stages
	}
	s, c := begin()
	do[any](t, c, "set", "orders.mark", args{"enabled": true})
	do[any](t, c, "set", "orders.tap", args{"sample": 0.5, "for": "1h"})
	s.Close()

	s, c = begin()
	got := stages(c)
	if got[0].Settable["enabled"] != true || got[0].Changed["enabled"].File != false {
		t.Errorf("after a restart: %+v", got[0])
	}
	if got[2].Settable["sample"] != 0.5 || got[2].Changed["sample"].Until == nil || got[2].Changed["sample"].File != 1.0 {
		t.Errorf("after a restart: %+v", got[2])
	}
	do[any](t, c, "set", "orders.tap", args{"sample": 0.5, "for": "10ms"})
	until(t, func() bool { return stages(c)[2].Settable["sample"] == 1.0 })
	s.Close()

	s, c = begin()
	if got := stages(c); got[2].Settable["sample"] != 1.0 || len(got[2].Changed) != 0 {
		t.Errorf("a lease that is over is remembered: %+v", got[2])
	}
	s.Close()

	if err := os.WriteFile(filepath.Join(dir, "control.json"), []byte("{broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, c = begin()
	defer s.Close()
	if got := stages(c); got[0].Settable["enabled"] != false {
		t.Errorf("of a broken file: %+v", got[0])
	}
}

// A process that joins takes over the leases that all were given, and no others.
func TestLeases_AreLearnedFromOthers(t *testing.T) {
	for _, secret := range []string{"", "s3cret"} {
		b := openBus(t)
		b.client.Secret = secret
		first, _, _ := run(t, marking)
		b.join(t, control.Options{Process: first, Instance: "first", Secret: secret})
		one := control.Collect{Expect: 1, Wait: time.Minute}
		b.ask(t, control.Command{Command: "set", Target: "orders.mark", Args: args{"enabled": true, "for": "1h"}}, one)
		second, _, _ := run(t, marking)
		b.join(t, control.Options{Process: second, Instance: "second", Secret: secret})
		enabled := func(p *process) any {
			return do[control.Graph](t, p.client, "list", "orders", nil).Flows[0].Stages[0].Settable["enabled"]
		}
		until(t, func() bool { return enabled(second) == true })

		b.ask(t, control.Command{Command: "set", Target: "orders.mark", Args: args{"enabled": false}}, control.Collect{Expect: 2, Wait: time.Minute})
		b.ask(t, control.Command{Command: "set", Target: "orders.mark", Instance: "first", Args: args{"enabled": true, "for": "1h"}}, one)
		var l control.Leases
		r := b.ask(t, control.Command{Command: "leases", Instance: "first"}, one)["first"]
		if err := r.Read(&l); err != nil || len(l.Leases) != 0 {
			t.Errorf("a lease of one instance is told to others: %+v, %v", l, err)
		}
	}
}
