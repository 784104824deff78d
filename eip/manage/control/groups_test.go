package control_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
	_ "github.com/eipd/eipd/eip/store/memory"
	_ "github.com/eipd/eipd/eip/transform"
)

// remembers are flows with stages of all kinds that list what they remember.
const remembers = `
store "s" { url = "memory:" }
queue "orders" {}
queue "later" {}
queue "news" {}
queue "sorted" {}
flow "start" {
  from = adapter.in
  content_router {
    when "o" {
      if = "body.o != nil"
      to = queue.orders
    }
    when "d" {
      if = "body.d != nil"
      to = queue.later
    }
    when "r" {
      if = "body.r != nil"
      to = queue.sorted
    }
    otherwise { to = queue.news }
  }
}
flow "orders" {
  from = queue.orders
  aggregator {
    store   = store.s
    key     = "body.o"
    timeout = "1h"
  }
  to = adapter.out
}
flow "later" {
  from = queue.later
  delay {
    store = store.s
    for   = "1h"
  }
  to = adapter.out
}
flow "news" {
  from = queue.news
  idempotent_receiver {
    store = store.s
    key   = "body.n"
  }
  filter { if = "true" }
  to = adapter.out
}
flow "sorted" {
  from = queue.sorted
  resequencer {
    store   = store.s
    key     = "body.r"
    number  = "body.i"
    timeout = "1h"
  }
  to = adapter.out
}
`

func groupsOf(t *testing.T, p *process, target string, a args) control.Groups {
	t.Helper()
	return do[control.Groups](t, p.client, "groups", target, a)
}

// untilGroups waits until a stage has so many.
func untilGroups(t *testing.T, p *process, target string, n int) (all control.Groups) {
	t.Helper()
	until(t, func() bool {
		all = groupsOf(t, p, target, nil)
		return len(all.Groups) == n
	})
	return all
}

func linesOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestGroups_AreListedReleasedAndForgotten(t *testing.T) {
	p, in, out := run(t, remembers)
	if s := do[control.Status](t, p.client, "status", "", nil).Stores; len(s) != 1 || s[0] != (control.Store{Name: "s", URL: "memory:"}) {
		t.Errorf("the stores are %+v", s)
	}
	begin := time.Now()
	in.feed(t, `{"o": "a"}`, `{"o": "a", "second": true}`, `{"o": 17}`, `{"o": "c"}`)
	until(t, func() bool {
		all := groupsOf(t, p, "orders.aggregator", nil).Groups
		return len(all) == 3 && all[0].Count == 2
	})
	all := groupsOf(t, p, "orders.aggregator", args{"limit": 2})
	if len(all.Groups) != 2 || !all.More {
		t.Errorf("%+v", all)
	}
	one := groupsOf(t, p, "orders.aggregator", args{"key": 17}).Groups // as eipd control reads it
	if len(one) != 1 || one[0].Key != "17" || one[0].Count != 1 || one[0].Bytes < 10 || one[0].Since.Before(begin) || !one[0].ClosesAt.Equal(one[0].Since.Add(time.Hour)) {
		t.Errorf("%+v", one)
	}

	if n := do[control.Released](t, p.client, "release", "orders.aggregator", args{"key": "a"}); n.Released != 1 {
		t.Errorf("%+v", n)
	}
	out.await(t, 1)
	if m := out.messages()[0]; string(m.Body()) != `[{"o":"a"},{"o":"a","second":true}]` || m.Headers["eip-closed-by"] != "operator" {
		t.Errorf("%s %v", m.Body(), m.Headers)
	}
	forgotten := do[control.Forgotten](t, p.client, "forget", "orders.aggregator", args{"key": 17, "confirm": "orders.aggregator", "save": true})
	if lines := linesOf(t, forgotten.Saved); forgotten.Removed != 1 || len(lines) != 1 || !strings.Contains(lines[0], `{\"o\": 17}`) {
		t.Errorf("%+v %s", forgotten, lines)
	}
	if n := do[control.Released](t, p.client, "release", "orders.aggregator", args{"all": true}); n.Released != 1 {
		t.Errorf("%+v", n)
	}
	out.await(t, 2)
	if left := groupsOf(t, p, "orders.aggregator", nil).Groups; len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

func TestGroups_OfDelay(t *testing.T) {
	p, in, out := run(t, remembers)
	for n := range 4 {
		in.feed(t, fmt.Sprintf(`{"d": %d}`, n))
	}
	all := untilGroups(t, p, "later.delay", 4).Groups
	for _, g := range all {
		if g.Key == "" || g.Count != 1 || g.ClosesAt.IsZero() || !g.Since.IsZero() {
			t.Errorf("%+v", g)
		}
	}
	forgotten := do[control.Forgotten](t, p.client, "forget", "later.delay", args{"key": all[1].Key, "confirm": "later.delay", "save": true})
	if lines := linesOf(t, forgotten.Saved); forgotten.Removed != 1 || len(lines) != 1 || !strings.Contains(lines[0], all[1].Key) || !strings.Contains(lines[0], `{\"d\": 1}`) {
		t.Errorf("%+v %s", forgotten, lines)
	}
	if n := do[control.Released](t, p.client, "release", "later.delay", args{"key": all[2].Key}); n.Released != 1 {
		t.Errorf("%+v", n)
	}
	out.await(t, 1)
	if n := do[control.Released](t, p.client, "release", "later.delay", args{"all": "true"}); n.Released != 2 {
		t.Errorf("%+v", n)
	}
	out.await(t, 3)
	if got := out.messages(); string(got[0].Body()) != `{"d": 2}` || string(got[1].Body()) != `{"d": 0}` || string(got[2].Body()) != `{"d": 3}` {
		t.Errorf("%s %s %s", got[0].Body(), got[1].Body(), got[2].Body())
	}
}

func TestGroups_OfResequencer(t *testing.T) {
	const stage = "sorted.resequencer"
	p, in, out := run(t, remembers)
	begin := time.Now()
	in.feed(t, `{"r": "a", "i": 1}`, `{"r": "a", "i": 3}`, `{"r": "a", "i": 4}`, `{"r": "b", "i": 2}`, `{"r": "c", "i": 1}`)
	out.await(t, 2)
	until(t, func() bool {
		all := groupsOf(t, p, stage, nil).Groups
		return len(all) == 3 && all[0].Count == 2 && all[1].Count == 1
	})
	all := groupsOf(t, p, stage, nil).Groups
	for i, want := range []struct {
		key         string
		count, next int
	}{{"a", 2, 2}, {"b", 1, 1}, {"c", 0, 2}} {
		g := all[i]
		if g.Key != want.key || g.Count != want.count || g.Next == nil || *g.Next != want.next || g.Count > 0 != g.Since.After(begin) || g.ClosesAt.IsZero() {
			t.Errorf("group %d is %+v, want %+v", i, g, want)
		}
	}
	if some := groupsOf(t, p, stage, args{"limit": 2}); len(some.Groups) != 2 || !some.More {
		t.Errorf("%+v", some)
	}
	if n := do[control.Released](t, p.client, "release", stage, args{"key": "a"}); n.Released != 1 {
		t.Errorf("%+v", n)
	}
	out.await(t, 4) // 3 and 4, without 2
	forgotten := do[control.Forgotten](t, p.client, "forget", stage, args{"key": "c", "confirm": stage, "save": true})
	if lines := linesOf(t, forgotten.Saved); forgotten.Removed != 1 || len(lines) != 1 || !strings.Contains(lines[0], `"key":"c"`) {
		t.Errorf("%+v %s", forgotten, lines)
	}
	in.feed(t, `{"r": "c", "i": 1}`) // which begins anew
	out.await(t, 5)
	if n := do[control.Released](t, p.client, "release", stage, args{"all": true}); n.Released != 1 {
		t.Errorf("%+v", n)
	}
	out.await(t, 6)
	refused(t, p.client, control.UnknownTarget, "release", stage, args{"key": "d"})
	refused(t, p.client, control.UnknownTarget, "forget", stage, args{"key": "d", "confirm": stage})
	refused(t, p.client, control.BadArgs, "forget", stage, args{"key": "a", "confirm": "sorted"})
	do[any](t, p.client, "stop", "sorted", nil)
	refused(t, p.client, control.Failed, "groups", stage, nil)
	refused(t, p.client, control.Failed, "release", stage, args{"all": true})
	refused(t, p.client, control.Failed, "forget", stage, args{"key": "a", "confirm": stage})
}

func TestGroups_OfIdempotentReceiver(t *testing.T) {
	p, in, out := run(t, remembers)
	long := strings.Repeat("x", 2000)
	in.feed(t, `{"n": "a"}`, `{"n": "a"}`, `{"n": "`+long+`"}`)
	all := untilGroups(t, p, "news.idempotent_receiver", 2).Groups
	if all[0].Key != "a" || all[0].ClosesAt.IsZero() || len(all[1].Key) != 65 || all[1].Key[0] != '#' {
		t.Errorf("%+v", all)
	}
	for _, key := range []string{"a", all[1].Key} {
		forgotten := do[control.Forgotten](t, p.client, "forget", "news.idempotent_receiver", args{"key": key, "confirm": "news.idempotent_receiver", "save": key == "a"})
		if forgotten.Removed != 1 || key == "a" && !strings.Contains(linesOf(t, forgotten.Saved)[0], `"key":"a"`) {
			t.Errorf("%+v", forgotten)
		}
	}
	in.feed(t, `{"n": "a"}`, `{"n": "`+long+`"}`)
	out.await(t, 4)
}

func TestGroups_Refusals(t *testing.T) {
	p, in, _ := run(t, remembers)
	in.feed(t, `{"o": "a"}`)
	untilGroups(t, p, "orders.aggregator", 1)
	const order = "orders.aggregator"
	for _, c := range []struct {
		code            control.Code
		command, target string
		args            args
	}{
		{control.BadArgs, "groups", "", nil},
		{control.UnknownTarget, "groups", "orders.agregator", nil},
		{control.UnknownTarget, "groups", "orders.*", nil},
		{control.BadArgs, "groups", "news.filter", nil},
		{control.BadArgs, "groups", order, args{"limit": 1001}},
		{control.BadArgs, "groups", order, args{"limit": 0}},
		{control.BadArgs, "groups", order, args{"keys": "a"}},
		{control.UnknownTarget, "groups", order, args{"key": "b"}},
		{control.BadArgs, "release", order, nil},
		{control.BadArgs, "release", order, args{"key": "a", "all": true}},
		{control.UnknownTarget, "release", order, args{"key": "b"}},
		{control.BadArgs, "release", "news.idempotent_receiver", args{"key": "a"}},
		{control.BadArgs, "forget", order, args{"confirm": order}},
		{control.BadArgs, "forget", order, args{"key": "a"}},
		{control.BadArgs, "forget", order, args{"key": "a", "confirm": "orders"}},
		{control.UnknownTarget, "forget", order, args{"key": "b", "confirm": order}},
		{control.UnknownTarget, "forget", order, args{"key": "b", "confirm": order, "save": true}},
		{control.UnknownTarget, "forget", "later.delay", args{"key": "b", "confirm": "later.delay"}},
		{control.UnknownTarget, "forget", "news.idempotent_receiver", args{"key": "b", "confirm": "news.idempotent_receiver"}},
		{control.BadArgs, "move", order, args{"key": "a", "to": "b", "confirm": order}},
	} {
		refused(t, p.client, c.code, c.command, c.target, c.args)
	}
	if all := groupsOf(t, p, order, nil).Groups; len(all) != 1 {
		t.Errorf("%+v", all)
	}
	do[any](t, p.client, "stop", "orders", nil)
	refused(t, p.client, control.Failed, "groups", order, nil)
	refused(t, p.client, control.Failed, "release", order, args{"all": true})
	refused(t, p.client, control.Failed, "forget", order, args{"key": "a", "confirm": order})
	do[any](t, p.client, "start", "orders", nil)
	if all := groupsOf(t, p, order, nil).Groups; len(all) != 1 {
		t.Errorf("%+v", all)
	}
}

// A key is made of a message, of which some may not be seen.
func TestGroups_KeysAreRedacted(t *testing.T) {
	p, in, _ := run(t, remembers+`
control_bus { redact = ["body.o"] }
`)
	in.feed(t, `{"o": "4111-1111"}`, `{"n": "x"}`, `{"d": 1}`)
	if all := untilGroups(t, p, "orders.aggregator", 1).Groups; all[0].Key != "(sensitive)" {
		t.Errorf("%+v", all)
	}
	if all := untilGroups(t, p, "news.idempotent_receiver", 1).Groups; all[0].Key != "[redacted]" {
		t.Errorf("%+v", all)
	}
	if all := untilGroups(t, p, "later.delay", 1).Groups; len(all[0].Key) < 16 {
		t.Errorf("%+v", all)
	}
	if n := do[control.Released](t, p.client, "release", "orders.aggregator", args{"key": "4111-1111"}); n.Released != 1 {
		t.Errorf("%+v", n)
	}
}

// A process is listed with its state, and is in another one when somebody says so.
func TestGroups_ProcessesAreMoved(t *testing.T) {
	p, in, out := run(t, `
store "s" { url = "memory:" }
flow "orders" {
  from = adapter.in
  process_manager "order" {
    store = store.s
    key   = "body.o"
    on "placed" { goto = "open" }
    state "open" {
      on "more" {
        send { to = adapter.out }
      }
      after "1h" { goto = "closed" }
    }
    final "closed" {
      send {
        to   = adapter.out
        body = "'closed ' + process.key"
      }
    }
  }
}
`)
	const order = "orders.order"
	in.feed(t, `{"o": "a"}`, `{"o": "b"}`, `{"o": "b", "n": 2}`)
	out.await(t, 1)
	all := untilGroups(t, p, order, 2).Groups
	if all[0].Key != "a" || all[0].State != "open" || all[0].Version != 1 || all[1].Version != 2 || time.Until(all[0].ClosesAt) < 59*time.Minute {
		t.Errorf("%+v", all)
	}
	for _, c := range []struct {
		code control.Code
		args args
	}{
		{control.BadArgs, args{"key": "a", "confirm": order}},
		{control.BadArgs, args{"to": "closed", "confirm": order}},
		{control.BadArgs, args{"key": "a", "to": "closed"}},
		{control.UnknownTarget, args{"key": "c", "to": "closed", "confirm": order}},
		{control.BadArgs, args{"key": "a", "to": "close", "confirm": order}},
	} {
		refused(t, p.client, c.code, "move", order, c.args)
	}
	if moved := do[control.Moved](t, p.client, "move", order, args{"key": "a", "to": "closed", "confirm": order}); moved.State != "closed" {
		t.Errorf("%+v", moved)
	}
	out.await(t, 2)
	if m := out.messages()[1]; string(m.Body()) != "closed a" {
		t.Errorf("%s", m.Body())
	}
	forgotten := do[control.Forgotten](t, p.client, "forget", order, args{"key": "b", "confirm": order, "save": true})
	if lines := linesOf(t, forgotten.Saved); forgotten.Removed != 1 || len(lines) != 1 || !strings.Contains(lines[0], `"state":"open"`) {
		t.Errorf("%+v %s", forgotten, lines)
	}
	in.feed(t)
}
