package host_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/host"
	"github.com/eipd/eipd/eip/manage/control"

	_ "github.com/eipd/eipd/eip/routing"
)

func plugins(p *host.Host) (all []string) {
	for _, f := range p.Flows() {
		for _, g := range f.Plugins() {
			all = append(all, fmt.Sprintf("%s %s %s", g.Address, g.State, g.Why))
		}
	}
	return all
}

// Whatever keeps a plugin from working, one place says so, and of one that is not
// required the flow's state does not. What it says is no secret.
func TestHost_PluginsThatDoNotWork(t *testing.T) {
	for name, tt := range map[string]struct {
		stage, why string
		fails      bool // required, it fails the start
	}{
		"cannot be opened":    {"unopenable {}", "open f.dispatch.bad.unopenable: no key", true},
		"has no program":      {`processor { command = ["no-such-program"] }`, "no-such-program", false},
		"its program ends":    {`processor { command = ["sh", "-c", "exit 3"] }`, "exit status 3", false},
		"runs what is not":    {`exec { command = ["no-such-program"] }`, "no-such-program", false},
		"deep inside":         {"wire_tap {\nunopenable {}\ndiscard {}\n}", "open f.dispatch.bad.wire_tap.unopenable: no key", true},
		"has a secret reason": {`exec { command = [var.secret] }`, "exec: (sensitive)", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, required := range []bool{false, true} {
				c := load(t, fmt.Sprintf(`
variable "secret" {
  default   = "hunter2-of-hunters"
  sensitive = true
}
queue "in" {}
flow "f" {
  from = queue.in
  dispatch {
    by = "message.type"
    plugin "bad" {
      required = %v
      %s
      discard {}
    }
    plugin "good" {
      discard {}
    }
  }
}`, required, tt.stage))
				p, err := start(t.Context(), c, host.Options{})
				if required && tt.fails {
					if err == nil || !strings.Contains(err.Error(), tt.why) {
						t.Errorf("started: %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				for strings.Contains(plugins(p)[0], "ready") && ctx.Err() == nil {
					time.Sleep(time.Millisecond)
				}
				cancel()
				got := plugins(p)
				if !strings.HasPrefix(got[0], "f.dispatch.bad failed ") || !strings.Contains(got[0], tt.why) || got[1] != "f.dispatch.good ready " || len(got) != 2 {
					t.Errorf("required %v: plugins %q", required, got)
				}
				if state, why := stateOf(p, "f"); (state == control.Waiting && strings.Contains(why, tt.why)) != required {
					t.Errorf("required %v: the flow is %s: %s", required, state, why)
				}
				f := p.Flows()[0]
				if err := f.Stop(t.Context()); err != nil || len(plugins(p)) != 0 {
					t.Errorf("stopped: %v, %q", err, plugins(p))
				}
				if err := f.Start(t.Context()); err != nil {
					t.Error(err)
				}
				if err := p.Stop(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// What stands in plugins is numbered, listed and counted like any other stage.
func TestHost_StagesInPlugins(t *testing.T) {
	c := load(t, `
adapter "numbers" "in" { count = 3 }
flow "f" {
  from = adapter.in
  dispatch {
    by = "'0a-b'"
    plugin "0a-b" {
      log {}
      discard {}
    }
  }
}`)
	p, err := start(t.Context(), c, host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.WaitIdle(t.Context()); err != nil {
		t.Error(err)
	}
	var got []string
	for _, s := range p.Flows()[0].Stages() {
		business, _ := s.Counts()
		got = append(got, fmt.Sprintf("%s %s %d", s.Address, s.Kind, business.Received))
		if d, ok := s.Named.Stage.(eip.Counted); ok && s.Kind == "dispatch" && d.Stats().Branches["0a-b"] != 3 {
			t.Errorf("branches %v", d.Stats().Branches)
		}
	}
	if want := "[f.dispatch dispatch 3 f.dispatch.0a-b.log log 3 f.dispatch.0a-b.discard discard 3]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}
