package control_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
)

// Dead letters pass through their flow again, as they came. Those that fail again,
// and those of other flows, stay.
func TestReplay(t *testing.T) {
	for _, broker := range []string{"memory:", "embedded:"} {
		t.Run(broker, func(t *testing.T) {
			p, in, out := runOn(t, broker, `
queue "dead"  {}
queue "other" {}
flow "orders" {
  from        = adapter.in
  dead_letter = queue.dead
  retry { attempts = 1 }
  content_router {
    when "other" {
      if = "body startsWith 'other'"
      to = queue.other
    }
    otherwise { to = adapter.out }
  }
}
flow "others" {
  from        = queue.other
  dead_letter = queue.dead
  retry { attempts = 1 }
  to = adapter.out
}
flow "aside" {
  from        = queue.dead2
  dead_letter = adapter.out
  to          = adapter.out
}
queue "dead2" {}
flow "implicit" {
  from = queue.in
  retry { attempts = 1 }
  to   = adapter.out
}
queue "in" {}
`)
			var broken atomic.Bool
			broken.Store(true)
			out.refuse = func(m *eip.Message) error {
				if broken.Load() || strings.HasPrefix(string(m.Body()), "bad") {
					return errors.New("refused")
				}
				return nil
			}
			for i := range 10 {
				in.feed(t, fmt.Sprint("good ", i))
				if i < 5 {
					in.feed(t, fmt.Sprint("bad ", i))
					in.feed(t, fmt.Sprint("other ", i))
				}
			}
			do[any](t, p.client, "inject", "queue.in", args{"body": "implied", "headers": map[string]any{"kept": "yes"}})
			until(t, func() bool {
				s := do[map[string]counts](t, p.client, "stats", "", nil)
				return s["orders"].Failed == 15 && s["others"].Failed == 5 && s["implicit"].Failed == 1
			})
			broken.Store(false)
			if r := do[control.Replayed](t, p.client, "replay", "orders", nil); r != (control.Replayed{Replayed: 10, FailedAgain: 5, Skipped: 10}) {
				t.Errorf("%+v", r)
			}
			out.await(t, 10)
			for i, m := range out.messages() {
				if string(m.Body()) != fmt.Sprint("good ", i) || len(m.Headers) > 0 {
					t.Errorf("%s with %v", m.Body(), m.Headers)
				}
			}
			if r := do[control.Replayed](t, p.client, "replay", "others", args{"count": 2}); r.Replayed != 2 {
				t.Errorf("%+v", r)
			}
			if r := do[control.Replayed](t, p.client, "replay", "others", args{"invalid": true}); r.Replayed != 3 || r.Skipped != 5 {
				t.Errorf("%+v", r)
			}
			if r := do[control.Replayed](t, p.client, "replay", "implicit", nil); r.Replayed != 1 {
				t.Errorf("%+v", r)
			}
			out.await(t, 16)
			if m := out.messages()[15]; string(m.Body()) != "implied" || m.Headers["kept"] != "yes" || len(m.Headers) != 1 || m.Channel != "in" {
				t.Errorf("%s with %v from %s", m.Body(), m.Headers, m.Channel)
			}
			refused(t, p.client, control.UnknownTarget, "replay", "order", nil)
			refused(t, p.client, control.BadArgs, "replay", "orders", args{"count": -1})
			refused(t, p.client, control.Failed, "replay", "aside", nil)
			do[any](t, p.client, "stop", "orders", nil)
			refused(t, p.client, control.Failed, "replay", "orders", nil)
		})
	}
}
