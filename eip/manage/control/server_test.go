package control_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
)

// marking is a body of two stages in a detour: each message must pass both or none.
const marking = `
flow "orders" {
  from = adapter.in
  detour "mark" {
    mark "one" {}
    mark "two" {}
  }
  mark "three" {}
  to = adapter.out
}
`

// switched while it works, each message goes wholly one way or the other, and none
// is lost.
func TestSet_SwitchesADetourUnderLoad(t *testing.T) {
	p, in, out := run(t, marking)
	end := in.stream(func(n int) string { return fmt.Sprint(n) })
	for i := range 1000 {
		want := i%2 == 0
		got := do[map[string]any](t, p.client, "set", "orders.mark", args{"enabled": want})
		if got["enabled"] != want || got["was"] != !want {
			t.Fatalf("switch %d: %v", i, got)
		}
	}
	fed := end()
	out.await(t, fed)
	ways := map[string]int{}
	for i, m := range out.messages() {
		if string(m.Body()) != fmt.Sprint(i) {
			t.Fatalf("message %d came in the place of %d", i, i)
		}
		way, _ := m.Headers["marks"].(string)
		ways[way]++
	}
	if ways[" one two three"] == 0 || ways[" three"] == 0 || len(ways) != 2 || out.count() != fed {
		t.Errorf("%d messages were fed, and went %v", fed, ways)
	}
	stats := do[map[string]counts](t, p.client, "stats", "", nil)
	addUp(t, stats)
	if s := stats["orders"]; s.Sent != int64(fed) || s.InFlight != 0 {
		t.Errorf("%+v, and %d were fed", s, fed)
	}
	if s := stats["orders.mark.one"]; s.Received != int64(ways[" one two three"]) {
		t.Errorf("%d messages passed the detour, and %d were there", ways[" one two three"], s.Received)
	}
}

func TestStats_AddUpWithWhatWasSent(t *testing.T) {
	p, in, out := run(t, `
queue "aside" {}
queue "gone" {}
flow "orders" {
  from = adapter.in
  filter "early" {
    if = "body.n != 1"
  }
  filter "late" {
    if         = "body.n != 2"
    discard_to = queue.aside
  }
  send {
    to = queue.aside
  }
  content_router {
    when "three" {
      if = "body.n == 3"
      to = [adapter.out, queue.aside]
    }
    when "four" {
      if = "body.n == 4"
      discard {}
    }
    when "rest" {
      if = "body.n < 10"
      to = adapter.out
    }
  }
}
flow "aside" {
  from = queue.aside
  discard {}
}
`)
	n := 200
	want := stats.Counts{}
	var wantOut, wantAside int64
	for range n {
		k := rand.N(13)
		body := fmt.Sprintf(`{"n": %d}`, k)
		if k == 12 {
			body = "{"
		}
		in.feed(t, body)
		want.Received++
		switch {
		case k == 1:
			want.Dropped++
		case k == 2:
			want.Sent++
			want.Copies++
			wantAside++
		case k == 12:
			want.Failed++
			want.Invalid++
		case k >= 10:
			want.Failed++
			want.Invalid++
			wantAside++
		case k == 3:
			want.Sent++
			want.Copies += 3
			wantOut++
			wantAside += 2
		case k == 4:
			want.Sent++
			want.Copies++
			wantAside++
		default:
			want.Sent++
			want.Copies += 2
			wantOut++
			wantAside++
		}
	}
	out.await(t, int(wantOut))
	var stats map[string]counts
	until(t, func() bool {
		stats = do[map[string]counts](t, p.client, "stats", "", nil)
		return stats["orders"].Received == int64(n) && stats["orders"].InFlight == 0 && stats["aside"].Received == wantAside && stats["aside"].InFlight == 0
	})
	addUp(t, stats)
	if got := stats["orders"].Counts; got != want {
		t.Errorf("orders: %+v\nwant    %+v", got, want)
	}
	if s := stats["orders.early"]; s.Dropped != want.Dropped || s.Received != int64(n) {
		t.Errorf("early: %+v", s)
	}
	if s := stats["orders.late"]; s.Dropped != 0 || s.Failed != 0 {
		t.Errorf("late: %+v", s)
	}
	if s := stats["orders.content_router"]; s.Branches["three"]+s.Branches["rest"] != wantOut {
		t.Errorf("router: %+v, and %d came out", s, wantOut)
	}
	if got := stats["aside"].Dropped; got != wantAside {
		t.Errorf("aside dropped %d, want %d", got, wantAside)
	}
	if stats["orders"].Latency.Measured == 0 || stats["orders"].Latency.Max < stats["orders"].Latency.P50 {
		t.Errorf("%+v", stats["orders"].Latency)
	}
	before := do[map[string]counts](t, p.client, "stats", "orders", args{"reset": true})
	after := do[map[string]counts](t, p.client, "stats", "orders", nil)
	for address, c := range after {
		if c.Received != 0 || c.Sent != 0 || c.Failed != 0 || c.Dropped != 0 || c.Latency.Measured != 0 || before[address].Received != stats[address].Received {
			t.Errorf("%s after a reset: %+v", address, c)
		}
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to be")
		}
		time.Sleep(time.Millisecond)
	}
}

// A flow that is stopped and started again, many times under load, loses nothing
// and doubles nothing; while it is stopped nothing passes.
func TestStopStart_LosesAndDoublesNothing(t *testing.T) {
	p, in, out := run(t, `
queue "q" {}
flow "first" {
  from = adapter.in
  to   = queue.q
}
flow "second" {
  from        = queue.q
  concurrency = 2
  prefetch    = 10
  to          = adapter.out
}
`)
	end := in.stream(func(n int) string { return fmt.Sprint(n) })
	for i := range 100 {
		target := []string{"second", "*", "first"}[i%3]
		do[any](t, p.client, "stop", target, nil)
		if i%10 == 0 && target != "first" {
			before := out.count()
			s := do[map[string]counts](t, p.client, "stats", "second", nil)["second"]
			if s.InFlight != 0 || out.count() != before {
				t.Errorf("stopped, and it works: %+v", s)
			}
			st := do[control.Status](t, p.client, "status", "", nil)
			if len(st.Stopped) == 0 {
				t.Errorf("%+v", st)
			}
		}
		do[any](t, p.client, "start", target, nil)
	}
	fed := end()
	out.await(t, fed)
	seen := map[string]int{}
	for _, m := range out.messages() {
		seen[string(m.Body())]++
	}
	if len(seen) != fed || out.count() != fed {
		t.Errorf("%d messages were fed; %d came, and %d of them were different", fed, out.count(), len(seen))
	}
	do[any](t, p.client, "drain", "", nil)
	if st := do[control.Status](t, p.client, "status", "", nil); st.State != "draining" || len(st.Stopped) != 2 {
		t.Errorf("drained: %+v", st)
	}
	do[any](t, p.client, "start", "*", nil)
	in.feed(t, "last")
	out.await(t, fed+1)
	if st := do[control.Status](t, p.client, "status", "", nil); st.State != "running" {
		t.Errorf("started again: %+v", st)
	}
}

func TestSet_LeasesGoBack(t *testing.T) {
	p, _, _ := run(t, marking)
	node := func() control.StageNode {
		return do[control.Graph](t, p.client, "list", "orders", nil).Flows[0].Stages[0]
	}
	got := do[map[string]any](t, p.client, "set", "orders.mark", args{"enabled": true, "for": "1h"})
	if got["enabled"] != true || got["until"] == nil {
		t.Errorf("%v", got)
	}
	if n := node(); n.Settable["enabled"] != true || n.Changed["enabled"].Until == nil || n.Changed["enabled"].File != false || n.Pattern != "Detour" {
		t.Errorf("%+v", n)
	}
	do[any](t, p.client, "set", "orders.mark", args{"enabled": true, "for": "10ms"})
	until(t, func() bool { return node().Settable["enabled"] == false })
	if n := node(); len(n.Changed) != 0 {
		t.Errorf("after the lease: %+v", n)
	}
	do[any](t, p.client, "set", "orders.mark", args{"enabled": true, "for": "1h"})
	do[any](t, p.client, "set", "orders.mark", args{"enabled": true})
	if n := node(); n.Changed["enabled"].Until != nil || n.Changed["enabled"].Value != true {
		t.Errorf("set for good over a lease: %+v", n)
	}
}

func TestCommands_AreRefusedWithAReason(t *testing.T) {
	p, _, _ := run(t, marking)
	for _, c := range []struct {
		code            control.Code
		command, target string
		a               args
	}{
		{control.UnknownCommand, "stat", "", nil},
		{control.UnknownTarget, "set", "orders.marc", args{"enabled": true}},
		{control.BadArgs, "set", "orders.mark", nil},
		{control.BadArgs, "set", "orders.mark", args{"enabled": "perhaps"}},
		{control.BadArgs, "set", "orders.mark", args{"enable": true}},
		{control.BadArgs, "set", "orders.mark", args{"enabled": true, "for": "soon"}},
		{control.BadArgs, "set", "orders.mark", args{"enabled": true, "for": "-1s"}},
		{control.BadArgs, "set", "orders.three", args{"enabled": true}},
		{control.BadArgs, "set", "", args{"enabled": true}},
		{control.UnknownTarget, "stop", "order", nil},
		{control.BadArgs, "stop", "", nil},
		{control.BadArgs, "stop", "orders", args{"force": true}},
		{control.UnknownTarget, "stats", "nothing", nil},
		{control.UnknownTarget, "inject", "queue.none", args{"body": "x"}},
		{control.BadArgs, "inject", "orders", args{"body": "x", "header": 1}},
		{control.BadArgs, "inject", "orders", args{"headers": "x"}},
		{control.BadArgs, "drain", "orders", nil},
		{control.NotAllowed, "loglevel", "", args{"level": "debug"}},
	} {
		refused(t, p.client, c.code, c.command, c.target, c.a)
	}
}

func TestInject_ReportsWhereATestMessageEnds(t *testing.T) {
	p, _, out := run(t, `
queue "in" {}
queue "next" {}
flow "first" {
  from = queue.in
  filter {
    if = "body.n > 0"
  }
  to = queue.next
}
flow "second" {
  from = queue.next
  to   = adapter.out
}
`)
	type injected = struct {
		Test control.Report `json:"test"`
	}
	r := do[injected](t, p.client, "inject", "queue.in", args{"body": args{"n": 1}, "test": true}).Test
	if r.Outcome != stats.Sent || len(r.Ends) != 1 || r.Ends[0].To != "adapter.out" || !r.Ends[0].KeptOut || strings.Join(r.Flows, " ") != "first second" {
		t.Errorf("%+v", r)
	}
	if out.count() != 0 {
		t.Error("the Test Message got out")
	}
	if r := do[injected](t, p.client, "inject", "queue.in", args{"body": `{"n": 0}`, "test": "true"}).Test; r.Outcome != stats.Dropped {
		t.Errorf("%+v", r)
	}
	if r := do[injected](t, p.client, "inject", "first", args{"body": "no JSON", "test": true}).Test; r.Outcome != stats.Invalid {
		t.Errorf("%+v", r)
	}
	stats := do[map[string]counts](t, p.client, "stats", "", nil)
	if s := stats["first"]; s.Received != 0 || s.Tests.Received != 3 {
		t.Errorf("Test Messages count as others: %+v", s)
	}
	do[any](t, p.client, "inject", "queue.in", args{"body": args{"n": 1}, "headers": args{"a": "b"}, "correlation_id": "c"})
	out.await(t, 1)
	if m := out.messages()[0]; string(m.Body()) != `{"n":1}` || m.Headers["a"] != "b" || m.CorrelationID != "c" || m.Headers[header.Test] != nil {
		t.Errorf("%+v", m)
	}
}

func TestSocket_IsTheUsersAlone(t *testing.T) {
	p, _, _ := run(t, marking)
	info, err := os.Stat(p.socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	other, _, _ := run(t, marking)
	if err := other.Control().ServeSocket(p.socket); err == nil {
		t.Error("two processes serve one socket")
	}
	if st := do[control.Status](t, p.client, "status", "", nil); st.PID != os.Getpid() || st.State != "running" {
		t.Errorf("%+v", st)
	}
}

// What is left of a process that was killed is no obstacle.
func TestSocket_TakesThePlaceOfADeadOne(t *testing.T) {
	p, _, _ := run(t, marking)
	dead := p.socket + "2"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := p.Control().ServeSocket(dead); err != nil {
		t.Error(err)
	}
	file := p.socket + "3"
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Control().ServeSocket(file); err == nil {
		t.Error("a file was replaced by a socket")
	}
}

// Lines that are none are answered, also such as are too long, and do not end the
// connection.
func TestSocket_SurvivesGarbage(t *testing.T) {
	p, _, _ := run(t, marking)
	c, err := net.Dial("unix", p.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(c)
	for _, line := range []string{"garbage", strings.Repeat("x", 3<<20), `{"command": "set", "args": {"` + strings.Repeat("y", 900000) + `": 1}}`, "\x00", `{"command": "status"}`} {
		go c.Write([]byte("\n" + line + "\n"))
		reply, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if ok := strings.Contains(reply, `"ok":true`); ok != strings.Contains(line, "status") || len(reply) > 4096 {
			t.Errorf("%.40q was answered by %.200q", line, reply)
		}
	}
}
