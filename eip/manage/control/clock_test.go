package control_test

import (
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/manage/control"
)

// Leases, taps, statistics and what waits for a flow end when the process' clock says
// so, and no sooner.
func TestServer_GoesByItsClock(t *testing.T) {
	clock := eiptest.NewClock()
	p, _, out := runBy(t, eip.Clock{Timekeeper: clock}, "memory:", `
queue "in" {}
queue "tapped" {}
flow "f" {
  from = queue.in
  wire_tap { to = queue.tapped }
  to = adapter.out
}
`)
	passing := func(do func()) (passed time.Duration) {
		began, done := clock.Now(), make(chan struct{})
		go func() {
			defer close(done)
			do()
		}()
		for {
			select {
			case <-done:
				return clock.Now().Sub(began)
			case <-time.After(time.Millisecond):
				clock.Advance(time.Second)
			}
		}
	}
	enabled := func() any {
		t.Helper()
		return do[control.Graph](t, p.client, "list", "", nil).Flows[0].Stages[0].Settable["enabled"]
	}
	set := do[map[string]any](t, p.client, "set", "f.wire_tap", args{"enabled": false, "for": "1h"})
	if want := clock.Now().Add(time.Hour).Format(time.RFC3339); set["until"] != want {
		t.Errorf("the lease runs until %v, want %s", set["until"], want)
	}
	clock.Advance(time.Hour - time.Second)
	if enabled() != false {
		t.Error("the lease has ended too soon")
	}
	clock.Advance(time.Second)
	if enabled() != true {
		t.Error("the lease has not ended")
	}
	if st := do[control.Status](t, p.client, "status", "", nil); !st.Time.Equal(clock.Now()) {
		t.Errorf("the status is of %v", st.Time)
	}
	var end control.Tapped
	if took := passing(func() { _, end = tapping(t, p.client, "f", args{"for": "1m"}, nil) }); end.Ended != "time" || took < time.Minute {
		t.Errorf("the tap ended by %s after %v", end.Ended, took)
	}
	let := make(chan struct{})
	out.refuse = func(*eip.Message) error { <-let; return nil }
	var err error
	if took := passing(func() { _, err = try[any](t, p.client, "inject", "f", args{"timeout": "1m"}) }); err == nil || !strings.Contains(err.Error(), "still under way after 1m") || took < time.Minute {
		t.Errorf("the message ended by %v after %v", err, took)
	}
	close(let)
	out.await(t, 1)
}
