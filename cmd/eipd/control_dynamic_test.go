package main

import "testing"

func TestControl_ReplacesExpressions(t *testing.T) {
	c := runControlled(t, `
queue "in" {}
adapter "stdio" "out" {}

flow "f" {
  from = queue.in
  filter {
    if      = "body.n > 10"
    dynamic = true
  }
  content_router {
    dynamic = true
    when "big" {
      if = "body.n > 100"
      transform { body = "'big ' + string(body.n)" }
      to = adapter.out
    }
    otherwise {
      transform { body = "'small ' + string(body.n)" }
      to = adapter.out
    }
  }
}
`, "one")
	passes := func(body, want string) {
		t.Helper()
		c.ask(0, "control", "inject", "queue.in", "body="+body)
		if got := c.line(t); got != want {
			t.Errorf("of %s it printed %q, want %q", body, got, want)
		}
	}
	passes(`{"n": 50}`, "small 50")
	stdout, _ := c.ask(0, "control", "set", "f.filter", "if=body.n > 4", "for=1h")
	holds(t, stdout, `one f.filter if="body.n > 4" was="body.n > 10" until `)
	passes(`{"n": 5}`, "small 5")
	c.ask(0, "control", "set", "f.content_router.big", "if=body.n == 5")
	passes(`{"n": 5}`, "big 5")
	c.ask(0, "control", "set", "f.content_router", "big.if=true")
	passes(`{"n": 6}`, "big 6")

	_, stderr := c.ask(1, "control", "set", "f.filter", "if=body.n >")
	holds(t, stderr, "set if: The expression ends too early.")
	passes(`{"n": 7}`, "big 7")
	stdout, _ = c.ask(0, "control", "list", "f")
	holds(t, stdout, `if="body.n > 4" (until `, `; file: "body.n > 10")`, `big.if=true (file: "body.n > 100")`)
	c.interrupt(t)
	if len(c.printed) > 0 {
		t.Errorf("it printed more: %q", c.printed)
	}
}

// What interceptors put into a flow is set, listed and counted by addresses in it.
func TestControl_Interceptors(t *testing.T) {
	c := runControlled(t, `
queue "in" {}
adapter "stdio" "out" {}

interceptor "sane" {
  on = "receive"
  filter {
    if      = "body.n > 10"
    dynamic = true
  }
}
interceptor "mask" {
  on = "send"
  filter {
    if      = "body.n < 100"
    dynamic = true
  }
}
flow "shop" {
  from = queue.in
  send { to = adapter.out }
  to = adapter.out
}
`, "one")
	inject := func(body string, times int) {
		t.Helper()
		c.ask(0, "control", "inject", "queue.in", "body="+body)
		for range times {
			if got := c.line(t); got != body {
				t.Errorf("of %s it printed %q", body, got)
			}
		}
	}
	inject(`{"n": 50}`, 2)
	inject(`{"n": 5}`, 0)
	inject(`{"n": 500}`, 0)
	c.ask(0, "control", "set", "shop.sane.filter", "if=true")
	inject(`{"n": 6}`, 2)
	c.ask(0, "control", "set", "shop.mask.filter", "if=body.n < 1000")
	inject(`{"n": 700}`, 2)
	stdout, _ := c.ask(0, "control", "list", "shop")
	holds(t, stdout, `shop.sane.filter filter`, `shop.mask.filter filter`)
	stdout, _ = c.ask(0, "control", "stats", "shop")
	holds(t, stdout, "shop.mask.filter 8 6")
	c.interrupt(t)
	if len(c.printed) > 0 {
		t.Errorf("it printed more: %q", c.printed)
	}
}
