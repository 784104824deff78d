package control_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/manage/control"
)

const lettersFlow = `
flow "orders" {
  from = adapter.in
  retry { attempts = 1 }
  to   = adapter.out
}
flow "bills" {
  from = queue.bills
  retry { attempts = 1 }
  to   = adapter.out
}
queue "bills" {}
control_bus {
  redact = ["body.card", "headers.secret"]
}
`

// seeing runs a command and returns its letters, what it says at the end, and all bytes
// that came.
func seeing(t *testing.T, c *control.Client, command, target string, a args) (letters []control.Letter, end control.LettersSeen, raw []byte, err error) {
	t.Helper()
	for r, failed := range c.Do(t.Context(), control.Command{Command: command, Target: target, Args: a}, control.Collect{Expect: 1, Wait: time.Minute}) {
		if failed != nil {
			t.Fatal(failed)
		}
		line, _ := json.Marshal(r)
		raw = append(raw, line...)
		if r.More {
			var l control.Letter
			if err := r.Read(&l); err != nil {
				t.Fatal(err)
			}
			if l.ID != "" {
				letters = append(letters, l)
			}
			continue
		}
		err = r.Read(&end)
	}
	return letters, end, raw, err
}

// The status says of each flow how many dead letters wait, and why the last one failed.
func TestStatus_DeadLetters(t *testing.T) {
	p, in, out := runOn(t, "memory:", `
flow "orders" {
  from = adapter.in
  retry { attempts = 1 }
  to = adapter.out
}
flow "bills" {
  from        = queue.bills
  dead_letter = queue.late
  to          = adapter.out
}
flow "mail" {
  from        = queue.bills
  dead_letter = queue.late
  to          = adapter.out
}
flow "news" {
  from        = queue.bills
  dead_letter = topic.late
  to          = adapter.out
}
queue "bills" {}
queue "late" {}
topic "late" {}
control_bus { redact = ["headers.eip-error"] }
`)
	out.refuse = func(m *eip.Message) error { return fmt.Errorf("no room for %s", m.Body()) }
	seen := func() []control.DeadLetters { return do[control.Status](t, p.client, "status", "", nil).DeadLetters }
	want := []control.DeadLetters{{Flow: "orders", Queue: "queue.orders.dead"}, {Flow: "bills", Queue: "queue.late"}, {Flow: "mail", Queue: "queue.late"}}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("at first %+v, want %+v", got, want)
	}
	in.feed(t, "one")
	in.feed(t, "two")
	do[any](t, p.client, "inject", "queue.late", args{"body": "three"})
	until(t, func() bool { return seen()[0].Waiting == 2 && seen()[1].Waiting == 1 })
	got := seen()
	if got[0].Failed.IsZero() || !got[1].Failed.IsZero() || got[2].Waiting != 1 {
		t.Errorf("then %+v", got)
	}
	if got[0].Error != "[redacted]" {
		t.Errorf("it says %q, which is redacted", got[0].Error)
	}
}

func TestLetters(t *testing.T) {
	for _, broker := range []string{"memory:", "embedded:"} {
		t.Run(broker, func(t *testing.T) {
			p, in, out := runOn(t, broker, lettersFlow)
			var broken atomic.Bool
			broken.Store(true)
			out.refuse = func(m *eip.Message) error {
				switch {
				case !broken.Load():
					return nil
				case bytes.Contains(m.Body(), []byte("bad")):
					return errors.New("it is bad")
				}
				return fmt.Errorf("there is no customer %s", m.Body()[6:11])
			}
			for i := range 20 {
				in.feed(t, fmt.Sprintf(`{"n": %d, "card": "secret4711"}`, 10_000+i%15))
			}
			in.feed(t, `bad`)
			do[any](t, p.client, "inject", "queue.bills", args{"body": `{"n": 7, "bad": 1}`, "headers": map[string]any{"secret": "secret4711", "open": "yes"}})
			until(t, func() bool {
				s := do[map[string]counts](t, p.client, "stats", "", nil)
				return s["orders"].Failed == 21 && s["bills"].Failed == 1
			})
			var everything []byte
			see := func(command, target string, a args) ([]control.Letter, control.LettersSeen) {
				t.Helper()
				letters, end, raw, err := seeing(t, p.client, command, target, a)
				if err != nil {
					t.Fatalf("%s %s: %v", command, target, err)
				}
				everything = append(everything, raw...)
				return letters, end
			}
			for range 3 { // looking takes nothing
				_, end := see("letters", "", nil)
				if len(end.Groups) != 3 || end.Read != 22 || end.Of != 22 || end.Found != 22 || len(end.Queues) != 2 {
					t.Fatalf("%+v", end)
				}
				if g := end.Groups[0]; g.Error != "send to adapter.out: there is no customer …" || g.Count != 20 || g.Flow != "orders" || len(g.Values) != 5 || g.Values[0].Count != 2 || len(g.Samples) != 3 {
					t.Errorf("%+v", g)
				}
			}
			_, of := see("letters", "orders", nil)
			group := of.Groups[0]
			some, end := see("letters", "orders", args{"list": true, "group": group.ID[:4], "limit": 5})
			if len(some) != 5 || !end.More || end.Found != 20 || some[0].ID != group.Samples[0] || some[0].Error != "send to adapter.out: there is no customer 10000" || some[0].Body != nil || some[0].Headers != nil {
				t.Errorf("%+v and %+v", some, end)
			}
			one, _ := see("letters_body", "", args{"ids": []string{some[1].ID[:6]}})
			if len(one) != 1 || one[0].ID != some[1].ID || fmt.Sprint(one[0].Body) != `map[card:[redacted] n:10001]` {
				t.Errorf("%+v", one)
			}
			other, _ := see("letters_body", "bills", nil)
			if len(other) != 1 || other[0].Headers["secret"] != "[redacted]" || other[0].Headers["open"] != "yes" || other[0].Flow != "bills" || other[0].Queue != "queue.bills.dead" {
				t.Errorf("%+v", other)
			}
			for search, want := range map[string]int{"body.n == 10001": 2, `body.card == "secret4711"`: 0, `headers["eip-error"] contains "customer"`: 20} {
				if found, _ := see("letters", "orders", args{"list": true, "if": search}); len(found) != want {
					t.Errorf("of %s there are %d", search, len(found))
				}
			}
			if found, _ := see("letters", "", args{"list": true, "since": "1h"}); len(found) != 22 {
				t.Errorf("within an hour, %d have failed", len(found))
			}
			if found, _ := see("letters", "", args{"list": true, "until": "1h"}); len(found) != 0 {
				t.Errorf("%d have failed before", len(found))
			}
			if bytes.Contains(everything, []byte("secret4711")) {
				t.Error("what is redacted was shown")
			}
			broken.Store(false)
			if r := do[control.Replayed](t, p.client, "replay", "orders", nil); r.Replayed != 21 {
				t.Errorf("after the looks, %+v", r)
			}
			_, end = see("letters", "orders", nil)
			if end.Found != 0 || end.Groups != nil {
				t.Errorf("%+v", end)
			}
		})
	}
}

func TestLetters_Refused(t *testing.T) {
	p, in, out := runOn(t, "memory:", lettersFlow)
	out.refuse = func(*eip.Message) error { return errors.New("no") }
	in.feed(t, "a", "b")
	until(t, func() bool { return do[map[string]counts](t, p.client, "stats", "orders", nil)["orders"].Failed == 2 })
	for why, c := range map[string]struct {
		code   control.Code
		target string
		args   args
		text   string
	}{
		"unknown flow":     {control.UnknownTarget, "order", nil, "did you mean orders?"},
		"unknown argument": {control.BadArgs, "orders", args{"grup": "a"}, "did you mean group?"},
		"by":               {control.BadArgs, "orders", args{"by": "colour"}, "stage"},
		"if":               {control.BadArgs, "orders", args{"if": "body +"}, "if"},
		"since":            {control.BadArgs, "orders", args{"since": "yesterday"}, "how long ago"},
		"limit":            {control.BadArgs, "orders", args{"limit": 1001}, "1000"},
		"no such id":       {control.UnknownTarget, "orders", args{"ids": "abcdef", "list": true}, "no letter has the id abcdef"},
		"short id":         {control.UnknownTarget, "orders", args{"ids": "abc", "list": true}, "too short"},
	} {
		_, _, _, err := seeing(t, p.client, "letters", c.target, c.args)
		var e *control.Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.text) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// Commands that read, that read bodies, and that change are told apart by their names.
func TestLetters_Commands(t *testing.T) {
	for _, name := range []string{"letters", "letters_body"} {
		if !slices.Contains(control.Commands(), name) {
			t.Errorf("there is no command %s", name)
		}
	}
}
