package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// Who uses the channels of an embedded broker while a process has it goes by its
// socket, or is told what to do instead.
func TestLiving(t *testing.T) {
	c := runControlled(t, `
queue "in" { address = "the-in" }
queue "out" {}
queue "unused" {}
topic "news" {}
flow "f" {
  from = queue.in
  filter { if = "body.n > 0" }
  send { to = topic.news }
  to = queue.out
}
`, "one")
	on := func(code int, args ...string) (stdout, stderr string) {
		t.Helper()
		return c.ask(code, append(args, "--broker", "embedded:")...)
	}
	on(0, "send", "queue.the-in", "--body", `{"n": 1}`, "--key", "k", "--correlation-id", "c", "--content-type", "application/json",
		"--header", "text=t", "--header", "i:int=5", "--header", "f:float=2", "--header", "b:bool=true")
	on(0, "send", "queue.the-in", "--body", `{"n": "none"}`)
	on(0, "send", "topic.news", "--body", "x")
	until(t, "both are through", func() bool {
		stdout, _ := c.ask(0, "status")
		return strings.Contains(strings.Join(strings.Fields(stdout), " "), "queue.f.dead 1") && strings.Contains(strings.Join(strings.Fields(stdout), " "), "queue.out 1")
	})
	for range 2 {
		stdout, _ := on(0, "receive", "queue.out", "--peek")
		holds(t, stdout, `"body":{"n":1}`, `"channel":"out"`, `"content_type":"application/json"`, `"correlation_id":"c"`, `"headers":{"b":true,"f":2,"i":5,"text":"t"}`, `"key":"k"`)
	}
	stdout, stderr := on(3, "receive", "queue.f.dead", "--peek", "--count", "5")
	holds(t, stdout, `"body":{"n":"none"}`, `"eip-flow":"f"`)
	holds(t, stderr, "1 message came from queue.f.dead")
	for _, refused := range []struct{ args, says string }{
		{"receive queue.out", "--peek shows what waits in queue.out, and eipd control purge queue.out confirm=queue.out save=true count=1 takes it"},
		{"receive topic.news", "eipd tap FLOW"},
		{"receive queue.in --peek", "none of its flows uses queue.in"},
		{"receive queue.unused --peek --count 2000", "may be 1000 at most"},
		{"call queue.the-in --body x", "eipd control inject queue.in test=true"},
		{"send queue.absent --body x", "none of its flows uses queue.absent"},
		{"send queue.the-in --body x --reply-to q", "no --reply-to"},
		{"send queue.the-in --body x --header b:bytes=AAA=", "of the type of b"},
		{"send queue.the-in --body x --header f:float=NaN", "of the header f"},
		{"send queue.the-in --body \xff", "text in UTF-8 only"},
	} {
		_, stderr := on(1, strings.Fields(refused.args)...)
		holds(t, stderr, refused.says)
	}
	_, stderr = c.ask(1, "receive", "queue.out", "--broker", "embedded:.eipd")
	holds(t, stderr, "is in use", "is asked by its socket")
	c.interrupt(t)
	stdout, _ = on(0, "receive", "queue.out")
	holds(t, stdout, `"body":{"n":1}`)
}

// Of each queue of dead letters in which any wait, one line says how many, why the last
// failed, and what to do next.
func TestStatus_DeadLetters(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		of   [][]control.DeadLetters // by processes
		says []string
	}{
		"none":            {[][]control.DeadLetters{{{Flow: "f", Queue: "queue.f.dead"}}}, nil},
		"one":             {[][]control.DeadLetters{{{Flow: "f", Queue: "queue.f.dead", Waiting: 1}}}, []string{"queue.f.dead: 1 dead letter; see eipd dlq f"}},
		"with the reason": {[][]control.DeadLetters{{{Flow: "f", Queue: "queue.f.dead", Waiting: 3, Error: "no\x1broom", Failed: now.Add(-5 * time.Minute)}}}, []string{`queue.f.dead: 3 dead letters; see eipd dlq f (the last, 5m ago: no\x1broom)`}},
		"two processes": {[][]control.DeadLetters{{{Flow: "f", Queue: "queue.f.dead", Waiting: 2, Error: "old", Failed: now.Add(-time.Hour)}}, {{Flow: "f", Queue: "queue.f.dead", Waiting: 3, Error: "new", Failed: now.Add(-2 * time.Minute)}}},
			[]string{"queue.f.dead: 3 dead letters; see eipd dlq f (the last, 2m ago: new)"}},
		"two flows, one queue": {[][]control.DeadLetters{{{Flow: "f", Queue: "queue.late", Waiting: 2}, {Flow: "g", Queue: "queue.late", Waiting: 2}}}, []string{"queue.late: 2 dead letters; see eipd dlq"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := deadLetters{}
			for _, of := range test.of {
				d.add(of)
			}
			if got := d.lines(); !slices.Equal(got, test.says) {
				t.Errorf("it says %q, want %q", got, test.says)
			}
		})
	}
}

// Of very many channels only those are shown in which something waits.
func TestStatus_Depths(t *testing.T) {
	some := func(n int, deep ...string) []control.Depth {
		var all []control.Depth
		for i := range n {
			all = append(all, control.Depth{Channel: fmt.Sprintf("queue.q%04d", i)})
		}
		for _, name := range deep {
			all = append(all, control.Depth{Channel: name, Messages: 7, Oldest: 3725})
		}
		return all
	}
	for name, test := range map[string]struct {
		of    [][]control.Depth
		says  []string
		lines int
	}{
		"none":          {nil, nil, 0},
		"few":           {[][]control.Depth{some(2, "queue.deep")}, []string{"CHANNEL WAITING OLDEST", "queue.deep 7 1h02m", "queue.q0001 0"}, 5},
		"many":          {[][]control.Depth{some(3000, "queue.deep")}, []string{"queue.deep 7 1h02m", "nothing waits in 3000 other channels"}, 4},
		"many, none":    {[][]control.Depth{some(3000)}, []string{"nothing waits in 3000 other channels"}, 2},
		"subscription":  {[][]control.Depth{{{Channel: "topic.t", Subscription: "mail", Messages: 2}}}, []string{"topic.t (mail) 2"}, 3},
		"two processes": {[][]control.Depth{some(0, "queue.deep"), {{Channel: "queue.deep", Messages: 9}}}, []string{"queue.deep 9"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			wait := depths{}
			for _, of := range test.of {
				wait.add(of)
			}
			var out bytes.Buffer
			if err := (&viewer{out: &out}).depths(wait); err != nil {
				t.Fatal(err)
			}
			holds(t, out.String(), test.says...)
			if n := strings.Count(out.String(), "\n"); n != test.lines {
				t.Errorf("%d lines, want %d:\n%s", n, test.lines, out.String())
			}
		})
	}
}

// Channels are lines of top too, and have no switch.
func TestTop_Depths(t *testing.T) {
	s := shownBy(t, 0)
	s.addStatus(control.Reply{Instance: "one", OK: true, Result: []byte(`{"depths": [{"channel": "queue.in", "messages": 12, "oldest_s": 90}, {"channel": "topic.t", "subscription": "s", "messages": 0}], "dead_letters": [{"flow": "f", "queue": "queue.in", "waiting": 12}]}`)}, map[string]*topLine{"f": s.lines[0]})
	s.addChannels()
	var out bytes.Buffer
	if err := s.grid(s.lines, false).print(&out); err != nil {
		t.Fatal(err)
	}
	holds(t, out.String(), "f running 0 12 2 1.50", "queue.in 12 1m30s queue", "topic.t (s) 0 topic")
	v := newFlowsView(s, false)
	v.at = slices.IndexFunc(v.shown, func(l *topLine) bool { return l.address == "topic.t (s)" })
	l := &live{top: &topCommand{}, asked: &asked{}, flows: v, size: func() (int, int) { return 80, 24 }}
	for key, note := range map[key]string{' ': "topic.t (s) has no switch", 's': "only flows stop and start", keyEnter: "no flow has its dead letters there", 'g': "choose a flow to see its graph"} {
		if do := l.key(key); do != nil || l.note != note {
			t.Errorf("%v, %q", do, l.note)
		}
	}
	for _, row := range s.grid(s.lines, false).lines(80)[1:] {
		if strings.HasPrefix(row, "queue.in") && !strings.Contains(row, " 12") {
			t.Errorf("80 columns show %q", row)
		}
	}
}
