package main

import (
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// A plugin that does not work is named until what it lacks is there, and the process
// goes on meanwhile.
func TestStatus_Plugins(t *testing.T) {
	c := runControlled(t, `
queue "in" {}
flow "f" {
  from = queue.in
  dispatch {
    by = "message.type"
    plugin "words" {
      processor { command = ["sh", "words.sh"] }
      discard {}
    }
    plugin "rest" {
      discard {}
    }
  }
}`, "one")
	until := func(said bool) (stdout string) {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if stdout, _ = c.ask(0, "status"); strings.Contains(stdout, "plugin f.dispatch.words has failed") == said {
				break
			}
		}
		return stdout
	}
	holds(t, until(true), "one: plugin f.dispatch.words has failed: the worker ended: ")
	stdout, _ := c.ask(0, "status")
	if strings.Contains(stdout, "waiting") || strings.Contains(stdout, "f.dispatch.rest") {
		t.Errorf("status says\n%s", stdout)
	}
	write(t, c.dir, "words.sh", "cat >/dev/null\n")
	if stdout = until(false); strings.Contains(stdout, "plugin") {
		t.Errorf("status says\n%s", stdout)
	}
	stdout, _ = c.ask(0, "status", "--json")
	var s control.Status
	if all := answers(t, stdout); len(all) != 1 || all[0].Read(&s) != nil || len(s.Plugins) != 2 || s.Plugins[0] != (control.Plugin{Address: "f.dispatch.words", State: control.PluginReady}) {
		t.Errorf("status: %s", stdout)
	}
	c.interrupt(t)
}
