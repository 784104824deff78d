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
	holds(t, stdout, "ADDRESS SWITCH FAILED DEAD IN FLIGHT WAITING IN/S OUT/S OLDEST RECEIVED SENT DROPPED P50 MS P99 MS KIND",
		"f running in 1 of 2 0 0 0 ", "f.aside on ", "f.loud on in 1 of 2 for 1h59m 0 0 ", " 2 2 0 ")
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
	s := &snapshot{at: time.Now(), wait: depths{}, dead: deadLetters{}}
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
	l := &live{top: &topCommand{}, asked: &asked{}, out: &out, flows: newFlowsView(shownBy(t, 20), false), size: func() (int, int) { return width, height }}
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
	if len(rows) != height || !strings.HasPrefix(rows[0], "eipd top  ") || !strings.Contains(rows[0], "  one") || !strings.HasPrefix(rows[3], "f  ") || !strings.Contains(strings.Join(strings.Fields(rows[3]), " "), "running 0 2 1.50") {
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
	v := newFlowsView(shownBy(t, 2), false)
	l := &live{top: &topCommand{}, asked: &asked{}, flows: v, size: func() (int, int) { return 80, 24 }}
	tests := []struct {
		key     key
		command string
		note    string
	}{
		{' ', "", "choose a line first"},
		{keyDown, "", ""},
		{' ', "", "s stops and starts"},
		{'s', `{"command":"stop","target":"f"}`, "stop f"},
		{keyDown, "", ""},
		{' ', `{"command":"set","target":"f.s00","args":{"enabled":false}}`, "set f.s00"},
		{'s', "", "only flows"},
		{keyDown, "", ""},
		{keyDown, "", ""},
		{' ', `{"command":"set","target":"f.s01","args":{"enabled":true}}`, "set f.s01"},
		{keyOther, "", ""},
	}
	for i, tt := range tests {
		v.sure = ""
		got := []byte{}
		if tt.command != "" { // as key makes it of the line
			got, _ = json.Marshal(v.command(l, tt.key, v.chosen(), ""))
		}
		if do := l.key(tt.key); (do != nil) != (tt.command != "") || string(got) != tt.command || !strings.HasPrefix(l.note, tt.note) || tt.note == "" && l.note != "" {
			t.Errorf("key %d told %s and said %q, want %s and %q", i, got, l.note, tt.command, tt.note)
		}
	}
	v.now.instances, v.at = []string{"one", "two"}, 0
	if l.key('s') != nil || l.note != "s again stops f in all 2 processes" {
		t.Errorf("at once it does it, and said %q", l.note)
	}
	l.key(keyOther)
	if l.key('s') != nil {
		t.Error("after another key it does it")
	}
	if l.key('s') == nil {
		t.Error("when asked again it does not do it")
	}
	v.take(&snapshot{err: context.DeadlineExceeded})
	if len(v.now.lines) != 3 {
		t.Errorf("when nobody answers, %d lines are left", len(v.now.lines))
	}
}

// Lines are found by what is typed, and sorted by columns; what was chosen stays so.
func TestLive_FindAndSort(t *testing.T) {
	s := shownBy(t, 3)
	for i, l := range s.lines {
		l.counts.Failed = int64(i % 3)
	}
	s.wait.add([]control.Depth{{Channel: "queue.f.dead", Messages: 4}})
	s.addChannels()
	v := newFlowsView(s, false)
	l := &live{top: &topCommand{}, asked: &asked{}, flows: v, size: func() (int, int) { return 80, 24 }}
	shown := func() string {
		var all []string
		for _, l := range v.shown {
			all = append(all, l.address)
		}
		return strings.Join(all, " ")
	}
	tests := []struct{ keys, shown, chosen, title string }{
		{"jj", "f f.s00 f.s01 f.s02 queue.f.dead", "f.s00", "one"},
		{"o", "f.s01 f.s00 f f.s02 queue.f.dead", "f.s00", "by FAILED"},
		{"oooo", "f f.s00 f.s01 f.s02 queue.f.dead", "f.s00", "by IN/S"},
		{"O", "queue.f.dead f f.s00 f.s01 f.s02", "f.s00", "by WAITING"},
		{"OOOO", "f f.s00 f.s01 f.s02 queue.f.dead", "f.s00", "one"},
		{"/.s0x\x7f1", "f.s01", "", "/.s01"},
		{"\r", "f.s01", "", "/.s01"},
		{"j", "f.s01", "f.s01", "/.s01"},
		{"\x1b", "f f.s00 f.s01 f.s02 queue.f.dead", "f.s01", "one"},
		{"/q", "queue.f.dead", "", "/q"},
		{"\x1b", "f f.s00 f.s01 f.s02 queue.f.dead", "", "one"},
	}
	for i, tt := range tests {
		for k := range readKeys(strings.NewReader(tt.keys)) {
			l.key(k)
		}
		chosen := ""
		if c := v.chosen(); c != nil {
			chosen = c.address
		}
		if shown() != tt.shown || chosen != tt.chosen || !strings.HasSuffix(v.title(), tt.title) {
			t.Errorf("%d: after %q it shows %s, of which %q, as %q; want %s, %q, %q", i, tt.keys, shown(), chosen, v.title(), tt.shown, tt.chosen, tt.title)
		}
	}
}

func TestReadKeys(t *testing.T) {
	var got []key
	for k := range readKeys(strings.NewReader("\x1b[A\x1b[Bjü\x1b[6~\x1b[200~ sq\x03\r\x00\xff\x1b")) {
		got = append(got, k)
	}
	want := []key{keyUp, keyDown, 'j', 'ü', keyPageDown, keyOther, ' ', 's', 'q', keyQuit, keyEnter, keyOther, keyOther, keyBack}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %v, want %v", got, want)
	}
}
