package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/internal/rabbit"
)

// Where nobody watches, top prints one table, of all processes together.
func TestTop_Once(t *testing.T) {
	url := rabbit.Shared(t).Vhosts(t, "top")["top"]
	var all []*controlled
	for _, name := range []string{"a", "b"} {
		c := runControlled(t, switched, name, "--broker", url)
		c.ask(0, "control", "inject", "f", "body=x")
		all = append(all, c)
	}
	all[0].ask(0, "control", "set", "f.loud", "enabled=true", "for=2h")
	all[0].ask(0, "control", "set", "f.aside", "enabled=true")
	all[1].ask(0, "control", "set", "f.aside", "enabled=true")
	all[1].ask(0, "control", "stop", "f")
	args := []string{"top", "--broker", url, "--expect", "2", "--wait", "1m"}
	stdout, _ := asking(t, eipd(t, t.TempDir(), args...), 0)
	holds(t, stdout, "ADDRESS SWITCH FAILED IN FLIGHT WAITING IN/S OUT/S OLDEST RECEIVED SENT DROPPED P50 MS P99 MS KIND",
		"f running in 1 of 2 0 0 ", "f.aside on ", "f.loud on in 1 of 2 for 1h59m 0 0 ", " 2 2 0 ")
	for _, c := range all {
		c.interrupt(t)
	}
}

func TestTop_Usage(t *testing.T) {
	for flag, code := range map[string]int{"--every=1ms": 2, "--data-dir=none": 3} {
		asking(t, eipd(t, t.TempDir(), "top", "--once", flag), code)
	}
}

// shownBy makes a snapshot of one process' flow of many stages.
func shownBy(t *testing.T, stages int) *snapshot {
	t.Helper()
	g := control.Graph{Flows: []control.FlowNode{{Name: "f", State: control.Running}}}
	for i := range stages {
		g.Flows[0].Stages = append(g.Flows[0].Stages, control.StageNode{Address: fmt.Sprintf("f.s%02d", i), Kind: "detour", Settable: map[string]any{"enabled": i%2 == 0}})
	}
	result, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	s := &snapshot{at: time.Now()}
	lines := map[string]*topLine{}
	s.addGraph(control.Reply{Instance: "one", OK: true, Result: result}, lines)
	s.addStats(control.Reply{Instance: "one", OK: true, Result: []byte(`{"f": {"received": 5, "sent": 3, "in_flight": 2, "rate": {"received": 1.5}, "latency_ms": {"p50": 0.25, "p99": 1200}}}`)}, lines)
	s.lines = append(s.lines, lines["f"])
	for i := range stages {
		s.lines = append(s.lines, lines[fmt.Sprintf("f.s%02d", i)])
	}
	return s
}

func TestLive_Draw(t *testing.T) {
	var out bytes.Buffer
	width, height := 60, 9
	l := &live{top: &topCommand{}, asked: &asked{}, out: &out, now: shownBy(t, 20), size: func() (int, int) { return width, height }}
	screen := func() []string {
		t.Helper()
		out.Reset()
		if err := l.draw(); err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(strings.NewReplacer(fromTop, "", clearLine, "", clearRest, "").Replace(out.String()), newLine)
		for _, row := range rows {
			if n := len([]rune(strings.NewReplacer("\x1b[7m", "", "\x1b[0m", "").Replace(row))); n > width {
				t.Errorf("%q has %d letters, the screen %d", row, n, width)
			}
		}
		if len(rows) > height {
			t.Errorf("%d lines are on a screen of %d", len(rows), height)
		}
		return rows
	}
	rows := screen()
	if len(rows) != height || !strings.HasPrefix(rows[0], "eipd top  ") || !strings.Contains(rows[0], "  one") || !strings.HasPrefix(rows[3], "f  ") || !strings.Contains(strings.Join(strings.Fields(rows[3]), " "), "running 0 2 1.50 0") {
		t.Errorf("the screen is\n%s", strings.Join(rows, "\n"))
	}
	l.key(keyEnd)
	if rows = screen(); !strings.HasPrefix(rows[height-3], "\x1b[7mf.s19") || !strings.Contains(rows[0], "from line 18 of 21") {
		t.Errorf("at the end, the screen is\n%s", strings.Join(rows, "\n"))
	}
	l.key(keyPageUp)
	l.key(keyUp)
	if rows = screen(); !strings.HasPrefix(rows[3], "\x1b[7mf.s14") {
		t.Errorf("further up, the screen is\n%s", strings.Join(rows, "\n"))
	}
	height, width = 3, 10 // it may be of any size
	screen()
	height = 40
	if rows = screen(); len(rows) != 26 {
		t.Errorf("on a large screen there are %d lines", len(rows))
	}
}

func TestLive_Keys(t *testing.T) {
	l := &live{top: &topCommand{}, asked: &asked{}, now: shownBy(t, 2), size: func() (int, int) { return 80, 24 }}
	tests := []struct {
		key     key
		command string
		note    string
	}{
		{keySwitch, "", "choose a line first"},
		{keyDown, "", ""},
		{keySwitch, "", "s stops and starts"},
		{keyStop, `{"command":"stop","target":"f"}`, "stop f"},
		{keyDown, "", ""},
		{keySwitch, `{"command":"set","target":"f.s00","args":{"enabled":false}}`, "set f.s00"},
		{keyStop, "", "only flows"},
		{keyDown, "", ""},
		{keyDown, "", ""},
		{keySwitch, `{"command":"set","target":"f.s01","args":{"enabled":true}}`, "set f.s01"},
		{keyOther, "", ""},
	}
	for i, tt := range tests {
		c, got := l.key(tt.key), []byte{}
		if c != nil {
			got, _ = json.Marshal(c)
		}
		if string(got) != tt.command || !strings.HasPrefix(l.note, tt.note) || tt.note == "" && l.note != "" {
			t.Errorf("key %d told %s and said %q, want %s and %q", i, got, l.note, tt.command, tt.note)
		}
	}
	l.now.instances, l.chosen = []string{"one", "two"}, "f"
	if c := l.key(keyStop); c != nil || l.note != "s again stops f in all 2 processes" {
		t.Errorf("at once it told %v and said %q", c, l.note)
	}
	l.key(keyOther)
	if c := l.key(keyStop); c != nil {
		t.Errorf("after another key it told %v", c)
	}
	if c := l.key(keyStop); c == nil || c.Command != "stop" {
		t.Errorf("when asked again it told %v", c)
	}
	l.take(&snapshot{err: context.DeadlineExceeded})
	if len(l.now.lines) != 3 {
		t.Errorf("when nobody answers, %d lines are left", len(l.now.lines))
	}
}

func TestReadKeys(t *testing.T) {
	var got []key
	for k := range readKeys(strings.NewReader("\x1b[A\x1b[Bjk\x1b[6~\x1b[200~ sq\x03\x1b")) {
		got = append(got, k)
	}
	want := []key{keyUp, keyDown, keyDown, keyUp, keyPageDown, keyOther, keySwitch, keyStop, keyQuit, keyQuit, keyOther}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %v, want %v", got, want)
	}
}
