package control_test

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/manage/control"
)

// Dead letters of others on a shared quorum queue survive every replay, whatever its
// delivery limit is and whether the flow file says so.
func TestReplay_QuorumQueue(t *testing.T) {
	const others = 5
	for name, c := range map[string]struct {
		kind, file string
		replays    int // that are carried out before it refuses
	}{
		"limit of 3":    {"quorum", "arguments = { x-queue-type = \"quorum\", x-delivery-limit = 3 }", 2},
		"unknown limit": {"quorum", "declare = false", 1},
		"no limit":      {"classic", "arguments = { x-queue-type = \"classic\" }", 8},
	} {
		t.Run(name, func(t *testing.T) {
			o := outside(t, "replay_"+strings.ReplaceAll(name, " ", "_"))
			arguments := amqp.Table{"x-queue-type": c.kind}
			if c.kind == "quorum" {
				arguments["x-delivery-limit"] = int32(3)
			}
			if _, err := o.QueueDeclare("dead", true, false, false, false, arguments); err != nil {
				t.Fatal(err)
			}
			p, _, _ := runOn(t, o.url, fmt.Sprintf(`
queue "dead" {
  %s
}
flow "a" {
  from        = adapter.in
  dead_letter = queue.dead
  to          = adapter.out
}
`, c.file))
			for range others {
				o.deadLetter("dead", "b")
			}
			o.deadLetter("dead", "a")
			waiting := func() int {
				q, err := o.QueueDeclarePassive("dead", true, false, false, false, nil)
				if err != nil {
					t.Fatal(err)
				}
				return q.Messages
			}
			until(t, func() bool { return waiting() == others+1 })
			for n := range 8 {
				r, err := try[control.Replayed](t, p.client, "replay", "a", nil)
				if done := err == nil; done != (n < c.replays) {
					t.Errorf("replay %d: %+v, %v", n+1, r, err)
				}
				if err == nil && r.Skipped != others {
					t.Errorf("replay %d: %+v", n+1, r)
				}
				until(t, func() bool { return waiting() >= others })
			}
			left := 0
			for range others {
				if _, ok, err := o.Get("dead", false); err == nil && ok {
					left++
				}
			}
			if left != others {
				t.Errorf("%d of %d are left", left, others)
			}
		})
	}
}
