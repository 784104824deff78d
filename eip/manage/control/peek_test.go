package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
				for r, err := range p.client.Do(t.Context(), control.Command{Command: "peek", Target: "queue.q", Args: args{"count": count}}, control.Collect{Wait: time.Minute}) {
					if err != nil {
						t.Fatal(err)
					}
					if !r.More {
						if err := r.Read(&end); err != nil {
							t.Fatal(err)
						}
						continue
					}
					if text := fmt.Sprintf(`"body":{"card":"[redacted]","n":%d}`, seen); !strings.Contains(string(r.Result), text) || !strings.Contains(string(r.Result), `"channel":"elsewhere"`) {
						t.Errorf("number %d is %s", seen, r.Result)
					}
					seen++
				}
				if seen != want || end.Seen != int64(want) {
					t.Errorf("of %d there came %d; it says %+v", count, seen, end)
				}
			}
			if all := do[control.Purged](t, p.client, "purge", "queue.q", args{"confirm": "queue.q"}); all.Removed != 30 {
				t.Errorf("%+v are left", all)
			}
		})
	}
}
