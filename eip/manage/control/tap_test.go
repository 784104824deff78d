package control_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/manage/control"
)

// tapping opens a tap, and returns the copies that come until it ends.
func tapping(t *testing.T, c *control.Client, target string, a args, opened func()) (copies []control.Copy, end control.Tapped) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first := true
	for r, err := range c.Do(ctx, control.Command{Command: "tap", Target: target, Args: a}, control.Collect{}) {
		if err != nil {
			t.Fatal(err)
		}
		var to any = &end
		var one control.Copy
		switch {
		case first:
			to = &control.Tapping{}
		case r.More:
			to = &one
		}
		if err := r.Read(to); err != nil {
			t.Fatal(err)
		}
		if r.More && !first {
			copies = append(copies, one)
		}
		if first && opened != nil {
			go opened()
		}
		first = false
	}
	return copies, end
}

const tapped = `
flow "orders" {
  from = adapter.in
  mark "one" {}
  to = adapter.out
}
control_bus {
  redact = ["body.card.number", "headers.secret", "body.*.pin"]
}
`

func TestTap_ShowsWhatPasses(t *testing.T) {
	p, in, out := run(t, tapped)
	fed := make(chan int, 1)
	copies, end := tapping(t, p.client, "orders.one", args{"if": "body.n > 2 && body.region == 'eu'", "count": 3}, func() {
		n := 0
		for ; n < 20; n++ {
			region := []string{"eu", "us"}[n%2]
			in.in <- fmt.Sprintf(`{"n": %d, "region": %q, "card": {"number": "4111", "name": "x", "pin": 1}}`, n, region)
		}
		fed <- n
	})
	if len(copies) != 3 || end.Taken != 3 || end.Ended != "count" {
		t.Fatalf("%+v, %+v", copies, end)
	}
	body, _ := json.Marshal(copies[0].Body)
	if want := `{"card":{"name":"x","number":"[redacted]","pin":"[redacted]"},"n":4,"region":"eu"}`; string(body) != want {
		t.Errorf("%s, want %s", body, want)
	}
	if copies[0].At != "orders.one" || copies[1].Number != 2 {
		t.Errorf("%+v", copies)
	}
	out.await(t, <-fed)
}

// A tap whose asker does not read costs the flow nothing but what is dropped.
func TestTap_CannotHurt(t *testing.T) {
	p, in, out := run(t, tapped)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opened := false
	for r, err := range p.client.Do(ctx, control.Command{Command: "tap", Target: "*"}, control.Collect{}) {
		if err != nil || !r.More {
			t.Fatalf("%+v, %v", r, err)
		}
		if !opened {
			opened = true
			for n := range 20000 {
				in.feed(t, fmt.Sprint(n))
			}
			out.await(t, 20000)
			continue
		}
		break
	}
	until(t, func() bool { // the asker is gone, and so is the tap
		copies, end := tapping(t, p.client, "orders", args{"for": "10ms"}, nil)
		return len(copies) == 0 && end.Ended == "time"
	})
}

func TestTap_RefusesWhatIsNoPredicate(t *testing.T) {
	p, _, _ := run(t, tapped)
	for _, c := range []string{"body.n >", "body.n > 1 &&", "len(body)", "'text'", "env.HOME == 'x'", "$x == 1", "secrets", "body.n = 1"} {
		refused(t, p.client, control.BadArgs, "tap", "orders", args{"if": c})
	}
	refused(t, p.client, control.BadArgs, "tap", "orders", args{"sample": 2})
	refused(t, p.client, control.BadArgs, "tap", "orders", args{"count": -1})
	refused(t, p.client, control.BadArgs, "tap", "orders", args{"for": "2h"})
	refused(t, p.client, control.UnknownTarget, "tap", "order", nil)
}

func TestTap_Samples(t *testing.T) {
	p, in, out := run(t, tapped)
	copies, _ := tapping(t, p.client, "orders", args{"sample": 0.25, "count": 5}, func() {
		for n := range 20 {
			in.in <- fmt.Sprint(n)
		}
	})
	out.await(t, 20)
	if len(copies) != 5 || fmt.Sprint(copies[4].Body) != "19" {
		t.Errorf("%+v", copies)
	}
}
