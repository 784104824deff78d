package control_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/flow"
	"github.com/eipd/eipd/eip/manage/control"
)

func setEvery(a args) control.Command { return control.Command{Command: "set", Args: a} }

// How often statistics are published is set while processes run, for a time too, which
// those that join learn of.
func TestSet_StatisticsEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openFleet(t)
		defer f.end()
		src, err := f.broker.RequestReply.Source(t.Context(), broker.Channel{Kind: broker.Topic, Address: control.StatisticsAddress, Durable: true, Declare: true}, broker.Subscription{Name: "test"})
		if err != nil {
			t.Fatal(err)
		}
		var came atomic.Int64
		var reading sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		reading.Go(func() {
			for m, err := src.Receive(ctx); err == nil; m, err = src.Receive(ctx) {
				came.Add(1)
				eip.Deliver(ctx, eip.Discard, m)
			}
		})
		defer func() {
			cancel()
			reading.Wait()
			if err := src.Close(); err != nil {
				t.Error(err)
			}
		}()
		published := func(within time.Duration, want int64) {
			t.Helper()
			came.Store(0)
			time.Sleep(within)
			if got := came.Load(); got < want || got > want+1 { // the first one's time has begun before
				t.Errorf("within %v there came %d, want %d", within, got, want)
			}
		}
		f.join("d", "").Publish(f.broker)
		published(time.Hour, 0)
		f.set("", setEvery(args{"statistics_every": "10s"}))
		published(time.Minute, 6)
		f.set("", setEvery(args{"statistics_every": "1m"}))
		published(10*time.Minute, 10)
		f.set("", setEvery(args{"statistics_every": 0}))
		published(time.Hour, 0)
		f.set("", setEvery(args{"statistics_every": "10s", "for": "1h"}))
		second := f.join("d", "")
		second.Publish(f.broker)
		time.Sleep(5 * time.Second) // to learn it
		published(time.Minute, 2*6)
		time.Sleep(time.Hour)
		published(time.Hour, 0)
	})
}

// It is refused where nothing could be published, as is what is no such time, and it is
// remembered as what stages were told is.
func TestSet_StatisticsEvery_Refused(t *testing.T) {
	p, _, _ := run(t, marking)
	refused(t, p.client, control.NotAllowed, "set", "", args{"statistics_every": "10s"})
	refused(t, p.client, control.BadArgs, "set", "", args{"enabled": true})
	refused(t, p.client, control.BadArgs, "set", "", args{"level": "debug"})

	dir, main := t.TempDir(), filepath.Join(t.TempDir(), "main.hcl")
	if err := os.WriteFile(main, []byte("control_bus {\n  remember = true\n  statistics_every = \"1h\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, diags := flow.Load(flow.Options{Files: []string{main}, Broker: "memory:"})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	h, c := minionOf(t, dir, config, discard)
	for _, wrong := range []any{"1ms", "-5s", "soon", 5, true, nil, "", "1e99h"} {
		refused(t, c, control.BadArgs, "set", "", args{"statistics_every": wrong})
	}
	if got := do[map[string]any](t, c, "set", "", args{"statistics_every": "90s"}); got["was"] != "1h0m0s" || got["statistics_every"] != "1m30s" {
		t.Errorf("set gives %v", got)
	}
	if err := h.Stop(); err != nil {
		t.Error(err)
	}
	_, c = minionOf(t, dir, config, discard)
	if every := do[control.Graph](t, c, "list", "", nil).StatisticsEvery; every == nil || every.Value != "1m30s" || every.File != "1h0m0s" {
		t.Errorf("after a restart it is %+v", every)
	}
}
