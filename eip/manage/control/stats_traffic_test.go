package control_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/stats"
)

const relaying = `
queue "a" {}
queue "b" {}
topic "news" {}
flow "in" {
  from = adapter.in
  to   = [queue.a, topic.news]
}
flow "relay" {
  from = queue.a
  retry {
    attempts = 1
  }
  to = queue.b
}
flow "out" {
  from = queue.b
  retry {
    attempts = 2
    delay    = "1ms"
  }
  to = adapter.out
}
flow "reader" {
  from = topic.news
  discard {}
}
`

// traffic reads the counts of channels and adapters.
func (p *process) traffic(t *testing.T, target string, a args) map[string]control.TrafficStats {
	t.Helper()
	all := do[map[string]control.TrafficStats](t, p.client, "stats", target, a)
	for name := range all {
		switch kind, _, _ := strings.Cut(name, "."); kind {
		case "queue", "topic", "adapter":
		default: // a flow or a stage
			delete(all, name)
		}
	}
	return all
}

func (p *process) atRest(t *testing.T) {
	t.Helper()
	until(t, func() bool {
		for _, c := range do[map[string]counts](t, p.client, "stats", "", nil) {
			if c.InFlight != 0 || c.Tests.InFlight != 0 {
				return false
			}
		}
		return true
	})
}

func same(t *testing.T, got, want map[string]control.TrafficStats) {
	t.Helper()
	for name, w := range want {
		g := got[name]
		var gotTests, wantTests stats.TrafficCounts
		if g.Tests != nil {
			gotTests = *g.Tests
		}
		if w.Tests != nil {
			wantTests = *w.Tests
		}
		if g.TrafficCounts != w.TrafficCounts || gotTests != wantTests {
			t.Errorf("%s: %+v, tests %+v; want %+v, tests %+v", name, g.TrafficCounts, gotTests, w.TrafficCounts, wantTests)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("there is %s", name)
		}
	}
}

func moved(received, sent, failed int64, tests *stats.TrafficCounts) control.TrafficStats {
	return control.TrafficStats{TrafficCounts: stats.TrafficCounts{Received: received, Sent: sent, Failed: failed}, Tests: tests}
}

// What channels and adapters count is what was sent through them, over the brokers
// that confirm at once and later.
func TestStats_CountChannels(t *testing.T) {
	for _, broker := range []string{"memory:", "embedded:"} {
		t.Run(broker, func(t *testing.T) {
			p, in, out := runOn(t, broker, relaying)
			var refused atomic.Int64
			out.refuse = func(m *eip.Message) error {
				if strings.HasPrefix(string(m.Body()), "bad") {
					refused.Add(1)
					return errors.New("refused")
				}
				return nil
			}
			const n, bad = 300, 7
			for i := range n {
				in.feed(t, fmt.Sprint(i))
			}
			for range bad {
				in.feed(t, "bad")
			}
			out.await(t, n)
			for range 3 {
				if r := do[struct{ Test *control.Report }](t, p.client, "inject", "queue.a", args{"body": "t", "test": true}).Test; r.Outcome != stats.Sent {
					t.Errorf("%+v", r)
				}
			}
			until(t, func() bool {
				s := do[map[string]counts](t, p.client, "stats", "", nil)
				return s["reader"].Received == n+bad && s["out"].Sent == n && s["out"].Failed == bad
			})
			p.atRest(t)
			const all = n + bad
			passed := &stats.TrafficCounts{Received: 3, Sent: 3}
			want := map[string]control.TrafficStats{
				"adapter.in":     moved(all, 0, 0, nil),
				"queue.a":        moved(all, all, 0, &stats.TrafficCounts{Received: 3}), // what the control bus puts in, no flow sends
				"queue.b":        moved(all, all, 0, passed),
				"topic.news":     moved(all, all, 0, nil),
				"adapter.out":    moved(0, n, 2*bad, nil), // Test Messages are kept out of it
				"queue.out.dead": moved(0, bad, 0, nil),
			}
			same(t, p.traffic(t, "", args{"channels": true}), want)
			if refused.Load() != 2*bad {
				t.Errorf("%d attempts were refused, want %d", refused.Load(), 2*bad)
			}
			same(t, p.traffic(t, "", nil), map[string]control.TrafficStats{}) // who adds up flows and stages is not to stumble over them
			same(t, p.traffic(t, "queue.b", nil), map[string]control.TrafficStats{"queue.b": want["queue.b"]})
			same(t, p.traffic(t, "queue.*", args{"reset": true}), map[string]control.TrafficStats{"queue.a": want["queue.a"], "queue.b": want["queue.b"]})
			same(t, p.traffic(t, "queue.*", nil), map[string]control.TrafficStats{"queue.a": {}, "queue.b": {}})
			same(t, p.traffic(t, "adapter.out", nil), map[string]control.TrafficStats{"adapter.out": want["adapter.out"]})
			in.feed(t, "again")
			out.await(t, n+1)
			p.atRest(t)
			same(t, p.traffic(t, "queue.b", nil), map[string]control.TrafficStats{"queue.b": moved(1, 1, 0, nil)})
			refusedCommand(t, p)
		})
	}
}

func refusedCommand(t *testing.T, p *process) {
	t.Helper()
	_, err := try[any](t, p.client, "stats", "queue.bb", nil)
	var e *control.Error
	if !errors.As(err, &e) || e.Code != control.UnknownTarget || !strings.Contains(e.Message, "did you mean queue.b?") {
		t.Error(err)
	}
}

// A flow that is stopped and started over and over gives back what it has taken and
// not begun: the adapter counts each message once.
func TestStats_CountChannelsOfAStoppedFlow(t *testing.T) {
	p, in, out := run(t, `
queue "a" {}
flow "f" {
  from = [adapter.in, queue.a]
  to   = adapter.out
}
`)
	const n = 100
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		for i := range n {
			in.in <- fmt.Sprint(i)
		}
	}()
	for range 20 {
		do[any](t, p.client, "stop", "f", nil)
		do[any](t, p.client, "start", "f", nil)
	}
	<-fed
	out.await(t, n)
	p.atRest(t)
	same(t, p.traffic(t, "", args{"channels": true}), map[string]control.TrafficStats{"adapter.in": moved(n, 0, 0, nil), "queue.a": {}, "adapter.out": moved(0, n, 0, nil)})
}
