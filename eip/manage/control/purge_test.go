package control_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
)

func TestPurge(t *testing.T) {
	p, in, _ := run(t, `
queue "q" {}
queue "unused" {}
topic "t" {}
flow "f" {
  from = adapter.in
  to   = [queue.q, topic.t]
}
`)
	for n := range 30 {
		in.feed(t, fmt.Sprint(n))
	}
	until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "f", nil)["f"].Sent == 30 })
	refused(t, p.client, control.BadArgs, "purge", "queue.q", nil)
	refused(t, p.client, control.BadArgs, "purge", "queue.q", args{"confirm": "q"})
	refused(t, p.client, control.BadArgs, "purge", "topic.t", args{"confirm": "topic.t"})
	refused(t, p.client, control.UnknownTarget, "purge", "queue.x", args{"confirm": "queue.x"})
	for range 2 { // it makes none
		refused(t, p.client, control.Failed, "purge", "queue.unused", args{"confirm": "queue.unused"})
	}
	some := do[control.Purged](t, p.client, "purge", "queue.q", args{"confirm": "queue.q", "count": 10, "save": true})
	text, err := os.ReadFile(some.Saved)
	if err != nil || some.Removed != 10 || strings.Count(string(text), "\n") != 10 || !strings.Contains(string(text), `"body":"9"`) {
		t.Errorf("%+v, %v\n%s", some, err, text)
	}
	if all := do[control.Purged](t, p.client, "purge", "queue.q", args{"confirm": "queue.q"}); all.Removed != 20 || all.Saved != "" {
		t.Errorf("%+v", all)
	}
}

// A queue that is not on the broker is no empty one, and purge does not make it.
func TestPurge_OfNoneOnRabbitMQ(t *testing.T) {
	o := outside(t, "purge_"+eip.NewID())
	p, _, _ := runOn(t, o.url, `
queue "gone" {}
queue "q" {}
flow "f" {
  from = adapter.in
  to   = queue.q
}
`)
	refused(t, p.client, control.Failed, "purge", "queue.gone", args{"confirm": "queue.gone"})
	refused(t, p.client, control.Failed, "purge", "queue.gone", args{"confirm": "queue.gone"})
	if all := do[control.Purged](t, p.client, "purge", "queue.q", args{"confirm": "queue.q"}); all.Removed != 0 {
		t.Errorf("%+v", all)
	}
}
