package control_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/flow/expression"
	"github.com/eipd/eipd/eip/manage/control"
)

const sorting = `
flow "orders" {
  from = adapter.in
  filter "paid" {
    if      = "body.n > 10"
    dynamic = true
  }
  filter "fixed" {
    if = "body.n < 1000"
  }
  wire_tap "look" {
    dynamic    = true
    guaranteed = true
    mark "copy" {}
    to = adapter.out
  }
  content_router "sort" {
    when "big" {
      if      = "body.n > 100"
      dynamic = true
      mark "big" {}
      to = adapter.out
    }
    when "small" {
      if = "body.n <= 100"
      mark "small" {}
      to = adapter.out
    }
    otherwise {
      mark "rest" {}
      to = adapter.out
    }
  }
}
`

// marksAfter feeds a body and returns the marks of all that came of it and an end.
func marksAfter(t *testing.T, in, out *pool, n int) (all []string) {
	t.Helper()
	before := out.count()
	in.feed(t, fmt.Sprintf(`{"n": %d}`, n), `{"n": 999}`) // the last passes everything that the tests set
	for {
		out.await(t, before+1)
		for ; before < out.count(); before++ {
			m := out.messages()[before]
			marks, _ := m.Headers["marks"].(string)
			if strings.Contains(string(m.Body()), "999") {
				if marks != " copy" {
					return all
				}
				continue
			}
			all = append(all, strings.TrimSpace(marks))
		}
	}
}

func TestSet_ReplacesExpressions(t *testing.T) {
	p, in, out := run(t, sorting)
	set := func(target, attribute string, value any) map[string]any {
		t.Helper()
		return do[map[string]any](t, p.client, "set", target, args{attribute: value})
	}
	check := func(n int, want ...string) {
		t.Helper()
		if got := marksAfter(t, in, out, n); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("of %d came %q, want %q", n, got, want)
		}
	}
	check(5)
	check(50, "copy", "small")
	if got := set("orders.paid", "if", "body.n > 4"); got["if"] != "body.n > 4" || got["was"] != "body.n > 10" {
		t.Errorf("%v", got)
	}
	check(5, "copy", "small")
	set("orders.look", "if", "body.n > 50")
	check(5, "small")
	check(60, "copy", "small")
	set("orders.look", "if", "")
	check(5, "copy", "small")
	set("orders.look", "if", false)
	if got := set("orders.sort.big", "if", "body.n > 4"); got["if"] != "body.n > 4" || got["was"] != "body.n > 100" {
		t.Errorf("%v", got)
	}
	check(5, "big")
	if got := set("orders.sort", "big.if", "body.n > 70"); got["big.if"] != "body.n > 70" || got["was"] != "body.n > 4" {
		t.Errorf("%v", got)
	}
	check(5, "small")
	check(71, "big")

	stages := map[string]control.StageNode{}
	for _, s := range do[control.Graph](t, p.client, "list", "orders", nil).Flows[0].Stages {
		stages[s.Address] = s
	}
	if s := stages["orders.paid"]; s.Settable["if"] != "body.n > 4" || s.Changed["if"] != (control.Setting{Value: "body.n > 4", File: "body.n > 10"}) {
		t.Errorf("%+v", s)
	}
	if s := stages["orders.sort"]; s.Settable["big.if"] != "body.n > 70" || s.Changed["big.if"].File != "body.n > 100" || len(s.Settable) != 1 {
		t.Errorf("%+v", s)
	}
	if s := stages["orders.fixed"]; s.Settable != nil {
		t.Errorf("%+v", s)
	}
	set("orders.paid", "if", "body.n > 10")
	if s := do[control.Graph](t, p.client, "list", "orders", nil).Flows[0].Stages[0]; s.Changed != nil {
		t.Errorf("the flow file's own: %+v", s)
	}
}

func TestSet_RefusesExpressions(t *testing.T) {
	p, in, out := run(t, sorting)
	refused(t, p.client, control.NotAllowed, "set", "orders.fixed", args{"if": "true"})
	refused(t, p.client, control.NotAllowed, "set", "orders.sort", args{"small.if": "true"})
	refused(t, p.client, control.NotAllowed, "set", "orders.sort.small", args{"if": "true"})
	refused(t, p.client, control.UnknownTarget, "set", "orders.sort.medium", args{"if": "true"})
	refused(t, p.client, control.BadArgs, "set", "orders.sort", args{"if": "true"})
	refused(t, p.client, control.BadArgs, "set", "orders.sort.big", args{"enabled": true})
	for _, wrong := range []any{"body.n >", "body.n = 1", "'text'", "absent(1)", "", nil, 5, []any{"true"}, strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200),
		"true" + strings.Repeat(" ", expression.MaxSource)} {
		for _, target := range []string{"orders.paid", "orders.sort.big"} {
			refused(t, p.client, control.BadArgs, "set", target, args{"if": wrong})
		}
	}
	_, want := expression.Predicate("body.n >")
	var e *control.Error
	if _, err := try[any](t, p.client, "set", "orders.paid", args{"if": "body.n >"}); !errors.As(err, &e) || !strings.Contains(e.Message, want.Error()) {
		t.Errorf("%v, and the compiler says %v", err, want)
	}
	if got := marksAfter(t, in, out, 50); fmt.Sprint(got) != "[copy small]" {
		t.Errorf("after what was refused: %q", got)
	}
}

func TestSet_LeasesAnExpression(t *testing.T) {
	p, _, _ := run(t, sorting)
	first := func() control.StageNode {
		return do[control.Graph](t, p.client, "list", "orders", nil).Flows[0].Stages[0]
	}
	do[any](t, p.client, "set", "orders.paid", args{"if": "false", "for": "1h"})
	if s := first(); s.Changed["if"].Until == nil || s.Settable["if"] != "false" {
		t.Errorf("%+v", s)
	}
	do[any](t, p.client, "set", "orders.paid", args{"if": "true", "for": "1ms"})
	until(t, func() bool { return first().Settable["if"] == "body.n > 10" })
	if s := first(); s.Changed != nil {
		t.Errorf("after the lease: %+v", s)
	}
}

func TestRemember_AnExpression(t *testing.T) {
	dir := t.TempDir()
	begin := func() (*control.Server, *control.Client) { return remembering(t, dir, sorting) }
	s, c := begin()
	do[any](t, c, "set", "orders.sort.big", args{"if": "body.n > 7"})
	s.Close()
	s, c = begin()
	if got := do[control.Graph](t, c, "list", "orders", nil).Flows[0].Stages; got[4].Settable["big.if"] != "body.n > 7" {
		t.Errorf("after a restart: %+v", got)
	}
	s.Close()
}

// While one branch's expression is turned round and round, every message goes one
// way, and none is lost.
func TestSet_ReplacesAnExpressionUnderLoad(t *testing.T) {
	p, in, out := run(t, sorting)
	do[any](t, p.client, "set", "orders.look", args{"enabled": false})
	end := in.stream(func(int) string { return `{"n": 50}` })
	for i := range 300 {
		do[any](t, p.client, "set", "orders.sort.big", args{"if": fmt.Sprint("body.n > ", 100*(i%2))})
	}
	fed := end()
	out.await(t, fed)
	ways := map[string]int{}
	for _, m := range out.messages() {
		way, _ := m.Headers["marks"].(string)
		ways[way]++
	}
	if ways[" big"] == 0 || ways[" small"] == 0 || len(ways) != 2 || out.count() != fed {
		t.Errorf("%d messages were fed, and went %v", fed, ways)
	}
	s := do[map[string]counts](t, p.client, "stats", "orders.sort", nil)["orders.sort"]
	if s.Branches["big"] != int64(ways[" big"]) || s.Received != int64(fed) {
		t.Errorf("%+v, and %v", s, ways)
	}
}

// A sensitive value within an expression is shown nowhere, and comes back with it.
func TestSet_HidesSensitiveValues(t *testing.T) {
	p, in, out := run(t, `
variable "key" {
  sensitive = true
  default   = "hunter22"
}
flow "orders" {
  from = adapter.in
  filter "known" {
    if      = "body.key == '${var.key}'"
    dynamic = true
  }
  to = adapter.out
}
`)
	got := do[map[string]any](t, p.client, "set", "orders.known", args{"if": "false"})
	if was, _ := got["was"].(string); was == "" || strings.Contains(was, "hunter22") {
		t.Errorf("%v", got)
	}
	in.feed(t, `{"key": "hunter22"}`)
	until(t, func() bool {
		return do[map[string]counts](t, p.client, "stats", "orders.known", nil)["orders.known"].Dropped == 1
	})
	do[any](t, p.client, "set", "orders.known", args{"if": got["was"]})
	in.feed(t, `{"key": "other"}`, `{"key": "hunter22", "second": true}`)
	out.await(t, 1)
	if m := out.messages(); len(m) != 1 || !strings.Contains(string(m[0].Body()), "second") {
		t.Errorf("%d came out, first %s", len(m), m[0].Body())
	}
}
