package control_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// On RabbitMQ letters keep their ids and their order over looks, edits, discards and what
// is restored, and the price of a look is told.
func TestLetters_OnRabbitMQ(t *testing.T) {
	for name, arguments := range map[string]string{
		"classic": `x-queue-type = "classic"`,
		"quorum":  `x-queue-type = "quorum", x-delivery-limit = 100`,
	} {
		t.Run(name, func(t *testing.T) {
			o := outside(t, "letters_"+name+"_"+eip.NewID())
			p, in, out := runOn(t, o.url, fmt.Sprintf(`
queue "dead" {
  arguments = { %s }
}
flow "orders" {
  from        = adapter.in
  dead_letter = queue.dead
  retry { attempts = 1 }
  to          = adapter.out
}
`, arguments))
			out.refuse = func(m *eip.Message) error {
				if strings.Contains(string(m.Body()), "bad") {
					return errors.New("it is bad")
				}
				return nil
			}
			for i := range 10 {
				in.feed(t, badBody(i))
			}
			until(t, func() bool {
				_, end, _, err := seeing(t, p.client, "letters", "orders", nil)
				return err == nil && end.Found == 10
			})
			all := listed(t, p)
			_, end, raw, err := seeing(t, p.client, "letters", "orders", nil)
			if cost := end.Queues[0].Cost; err != nil || !cost.Away || cost.Deliveries != (name == "quorum") || len(end.Groups) != 1 || end.Groups[0].Count != 10 {
				t.Errorf("%s, %v", raw, err)
			}
			if again := ids(listed(t, p)); !slices.Equal(again, ids(all)) || len(all) != 10 {
				t.Errorf("they were %v, and are %v", ids(all), again)
			}
			did := do[deadletter.Mended](t, p.client, "letters_edit", "orders", args{"ids": all[4].ID, "set": args{"body.is": "good"}})
			out.await(t, 1)
			if body := string(out.messages()[0].Body()); did.Outcome != deadletter.Passed || body != strings.Replace(badBody(4), "bad", "good", 1) {
				t.Errorf("%+v: %s", did, body)
			}
			if r := do[control.LettersDiscarded](t, p.client, "letters_discard", "orders", args{"ids": []string{all[0].ID, all[9].ID}, "reason": "a test"}); r.Discarded != 2 {
				t.Errorf("%+v", r)
			}
			do[control.LettersRestored](t, p.client, "letters_restore", "", args{"ids": all[0].ID})
			want := ids(slices.Concat(all[1:4], all[5:9], all[:1]))
			left := func() []string {
				got := ids(listed(t, p))
				slices.Sort(got)
				return got
			}
			slices.Sort(want)
			until(t, func() bool { return slices.Equal(left(), want) })
		})
	}
}
