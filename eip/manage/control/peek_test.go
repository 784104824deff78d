package control_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/manage/control"
)

// What peek shows stays in its queue, in its order, and has nothing in it that is
// redacted.
func TestPeek(t *testing.T) {
	for _, broker := range []string{"memory:", "embedded:"} {
		t.Run(broker, func(t *testing.T) {
			p, in, _ := runOn(t, broker, `
queue "q" { address = "elsewhere" }
topic "t" {}
flow "f" {
  from = adapter.in
  to   = [queue.q, topic.t]
}
control_bus {
  redact = ["body.card"]
}
`)
			for n := range 30 {
				in.feed(t, fmt.Sprintf(`{"n": %d, "card": 4711}`, n))
			}
			until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "f", nil)["f"].Sent == 30 })
			refused(t, p.client, control.BadArgs, "peek", "", nil)
			refused(t, p.client, control.BadArgs, "peek", "topic.t", nil)
			refused(t, p.client, control.UnknownTarget, "peek", "queue.x", nil)
			refused(t, p.client, control.BadArgs, "peek", "queue.q", args{"count": 1001})
			refused(t, p.client, control.BadArgs, "peek", "queue.q", args{"count": -1})
			for count, want := range map[int]int{1: 1, 20: 20, 1000: 30} {
				seen, end := 0, control.Peeked{}
				for _, m := range peek(t, p.client, "queue.q", count, &end) {
					if text := fmt.Sprintf(`"body":{"card":"[redacted]","n":%d},"channel":"elsewhere","redelivered":false}`, seen); m != "{"+text {
						t.Errorf("number %d is %s", seen, m)
					}
					seen++
				}
				if seen != want || end != (control.Peeked{Seen: int64(want)}) {
					t.Errorf("of %d there came %d; it says %+v", count, seen, end)
				}
			}
			if all := do[control.Purged](t, p.client, "purge", "queue.q", args{"confirm": "queue.q"}); all.Removed != 30 {
				t.Errorf("%+v are left", all)
			}
		})
	}
}

// peek returns what the command shows.
func peek(t *testing.T, c *control.Client, queue string, count int, end any) (seen []string) {
	t.Helper()
	for r, err := range c.Do(t.Context(), control.Command{Command: "peek", Target: queue, Args: args{"count": count}}, control.Collect{Wait: time.Minute}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.More {
			seen = append(seen, string(r.Result))
		} else if err := r.Read(end); err != nil {
			t.Fatal(err)
		}
	}
	return seen
}

// What an earlier process left in the dead-letter queue of a flow that names none can be
// looked at, counted and removed, though this one has not opened it, and does not list it.
func TestPeek_DeadLetterQueueThatNoFileNames(t *testing.T) {
	embedded := "embedded:" + t.TempDir()
	const flow = `
flow "f" {
  from = adapter.in
  retry { attempts = 1 }
  to   = adapter.out
}
`
	p, in, out := runOn(t, embedded, flow)
	out.refuse = func(*eip.Message) error { return errors.New("refused") }
	in.feed(t, "1", "2")
	until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "f", nil)["f"].Failed == 2 })
	if g := do[control.Graph](t, p.client, "list", "", nil); len(g.Channels) != 1 || g.Channels[0].Name != "queue.f.dead" || g.Channels[0].Kind != "queue" {
		t.Errorf("when something has failed it lists %+v", g.Channels)
	}
	p.client.Close()
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	p, _, _ = runOn(t, embedded, flow)
	if g := do[control.Graph](t, p.client, "list", "", nil); len(g.Channels) != 0 {
		t.Errorf("before anything has failed it lists %+v", g.Channels)
	}
	do[map[string]any](t, p.client, "stats", "queue.f.dead", nil)
	var end control.Peeked
	if seen := peek(t, p.client, "queue.f.dead", 10, &end); len(seen) != 2 || !strings.Contains(seen[0], `"body":1,`) || end.Seen != 2 {
		t.Errorf("it shows %q, and says %+v", seen, end)
	}
	letters, err := p.Flows()[0].DeadLetters(t.Context(), false)
	if err != nil || letters.Name != "queue.f.dead" {
		t.Errorf("the dead letters are in %+v, %v", letters, err)
	}
	browser, err := letters.Browser()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for m, err := range browser.Browse(t.Context(), letters.Channel, broker.BrowseOptions{}) {
		if n++; err != nil || m.Headers["eip-flow"] != "f" {
			t.Errorf("a dead letter is %+v, %v", m.Message, err)
		}
	}
	if n != 2 {
		t.Errorf("there are %d dead letters", n)
	}
	if gone := do[control.Purged](t, p.client, "purge", "queue.f.dead", args{"confirm": "queue.f.dead"}); gone.Removed != 2 {
		t.Errorf("%+v were removed", gone)
	}
}

// peek tells what it costs, and is refused where it could cost a message.
func TestPeek_OnRabbitMQ(t *testing.T) {
	o := outside(t, "peek")
	p, in, _ := runOn(t, o.url, `
queue "classic" {}
queue "some" {
  arguments = { x-queue-type = "quorum", x-delivery-limit = 20 }
}
queue "few" {
  arguments = { x-queue-type = "quorum", x-delivery-limit = 3 }
}
flow "f" {
  from = adapter.in
  to   = [queue.classic, queue.some, queue.few]
}
`)
	in.feed(t, "1", "2", "3")
	until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "f", nil)["f"].Sent == 3 })
	for queue, cost := range map[string]string{
		"queue.classic": `{"deliveries":false,"away":true,"reorders":false,"most":10000}`,
		"queue.some":    `{"deliveries":true,"away":true,"reorders":true,"most":10000}`,
	} {
		var end json.RawMessage
		if seen := peek(t, p.client, queue, 10, &end); len(seen) != 3 || string(end) != `{"seen":3,"cost":`+cost+`}` {
			t.Errorf("of %s it shows %q, and says %s", queue, seen, end)
		}
	}
	for range 5 {
		refused(t, p.client, control.Failed, "peek", "queue.few", nil)
	}
	if all := do[control.Purged](t, p.client, "purge", "queue.few", args{"confirm": "queue.few"}); all.Removed != 3 {
		t.Errorf("%+v are left", all)
	}
}
