package manage_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/manage"
)

func ExampleWireTap() {
	audit := eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Println("audit:", string(m.Body()))
		return nil
	})
	tap := manage.NewWireTap()
	tap.Body.To = audit
	flow := &eip.Flow{Name: "orders", Source: eiptest.NewTexts("order 1", "order 2"), Stages: []eip.Stage{tap}, To: eip.Discard}
	if err := flow.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(tap.Stats().Counts)
	// Output:
	// audit: order 1
	// audit: order 2
	// map[copied:2 dropped:0 failed:0]
}

func tapTo(target eip.Handler) *manage.WireTap {
	w := manage.NewWireTap()
	w.Body.To = target
	return w
}

func openTap(t *testing.T, w *manage.WireTap) {
	t.Helper()
	if err := w.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := w.Open(t.Context(), eiptest.Env()); err != nil {
		t.Fatal(err)
	}
}

func closeTap(t *testing.T, w *manage.WireTap, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := w.Close(ctx); err != nil || w.Busy() {
		t.Errorf("close: %v, busy %v", err, w.Busy())
	}
}

// feed passes n numbered messages through the tap, and checks that each goes on
// and settles well, at once.
func feed(t *testing.T, w *manage.WireTap, n int) {
	t.Helper()
	var out eiptest.Recorder
	start := time.Now()
	src := eiptest.NewNumbers(n)
	chain := eip.Chain([]eip.Stage{w}, &out)
	for range n {
		m, _ := src.Receive(t.Context())
		eip.Deliver(t.Context(), chain, m)
	}
	src.Check(t)
	if d := time.Since(start); d != 0 || len(out.Bodies()) != n {
		t.Errorf("%d of %d messages went on, in %v", len(out.Bodies()), n, d)
	}
}

func wantCounts(t *testing.T, c eip.Counted, want map[string]int64) {
	t.Helper()
	if got := c.Stats().Counts; !maps.Equal(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
}

func TestWireTap_KeepsTheContract(t *testing.T) {
	t.Run("whatever its target does", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{Outcome: eiptest.Contains, Sends: 2, Next: eip.Discard,
			New: func(target eip.Handler) eip.Stage { return tapTo(target) }})
	})
	t.Run("as what follows it", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{New: func(eip.Handler) eip.Stage { return tapTo(eip.Discard) }})
	})
	t.Run("guaranteed", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{Sends: 2, New: func(target eip.Handler) eip.Stage {
			w := tapTo(target)
			w.Guaranteed = true
			return w
		}})
	})
}

func TestWireTap_Guaranteed(t *testing.T) {
	var out eiptest.Recorder
	w := tapTo(eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		release := m.Hold()
		go release(errors.New("not confirmed"))
		return nil
	}))
	w.Guaranteed = true
	openTap(t, w)
	defer closeTap(t, w, time.Second)
	err := eip.Await(t.Context(), eip.Chain([]eip.Stage{w}, &out), eiptest.Message("m"))
	if err == nil || err.Error() != "not confirmed" {
		t.Errorf("settled with %v, want what its copy failed with", err)
	}
	w.If.Set(func(context.Context, *eip.Message) (bool, error) { return false, eip.Invalid(errors.New("no JSON")) })
	passed, err := eiptest.Process(t.Context(), w, eiptest.Message("m"))
	if !eip.IsInvalid(err) || len(passed) != 0 {
		t.Errorf("a guaranteed tap whose if fails passed %v on, and settled with %v", passed, err)
	}
}

func TestWireTap_Picks(t *testing.T) {
	tests := map[string]struct {
		change func(*manage.WireTap)
		want   string
	}{
		"all":      {func(w *manage.WireTap) {}, "1 2 3 4 5 6 7 8"},
		"if":       {func(w *manage.WireTap) { w.If.Set(even) }, "2 4 6 8"},
		"sample":   {func(w *manage.WireTap) { w.Sample.Set(0.25) }, "4 8"},
		"some":     {func(w *manage.WireTap) { w.Sample.Set(0.75) }, "2 3 4 6 7 8"},
		"if, then": {func(w *manage.WireTap) { w.If.Set(even); w.Sample.Set(0.5) }, "4 8"},
		"none":     {func(w *manage.WireTap) { w.Sample.Set(0) }, ""},
		"off":      {func(w *manage.WireTap) { w.Enabled.Set(false) }, ""},
	}
	for name, tt := range tests {
		for _, guaranteed := range []bool{false, true} {
			t.Run(fmt.Sprint(name, guaranteed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var out eiptest.Recorder
					w := tapTo(&out)
					w.Guaranteed = guaranteed
					tt.change(w)
					openTap(t, w)
					feed(t, w, 8)
					closeTap(t, w, time.Second)
					if got := strings.Join(out.Bodies(), " "); got != tt.want {
						t.Errorf("copied %q, want %q", got, tt.want)
					}
				})
			})
		}
	}
}

func even(_ context.Context, m *eip.Message) (bool, error) {
	return (m.Body()[0]-'0')%2 == 0, nil
}

func TestWireTap_Set(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out eiptest.Recorder
		w := tapTo(&out)
		bus, _ := schema.SettableOf(w)
		openTap(t, w)
		for _, change := range []struct {
			attribute string
			value     any
			copies    int
		}{{"enabled", false, 0}, {"enabled", "true", 8}, {"sample", 0.5, 4}, {"sample", 0, 0}, {"sample", int64(1), 8}, {"sample", "0.25", 2}} {
			before := len(out.Bodies())
			if err := bus.Set(change.attribute, change.value); err != nil {
				t.Fatal(err)
			}
			feed(t, w, 8)
			synctest.Wait()
			if n := len(out.Bodies()) - before; n != change.copies {
				t.Errorf("after set %s = %v: %d copies, want %d", change.attribute, change.value, n, change.copies)
			}
		}
		for _, wrong := range []struct {
			attribute string
			value     any
		}{{"enabled", 1}, {"sample", 1.5}, {"sample", "much"}, {"sample", nil}, {"sample", "NaN"}, {"buffer", 5}} {
			if err := bus.Set(wrong.attribute, wrong.value); err == nil || !strings.Contains(err.Error(), wrong.attribute) {
				t.Errorf("set %s = %v: %v", wrong.attribute, wrong.value, err)
			}
		}
		if got := bus.Settable(); !maps.Equal(got, map[string]any{"enabled": true, "sample": 0.25}) {
			t.Errorf("settable: %v", got)
		}
		closeTap(t, w, time.Second)
	})
}

func TestWireTap_Validate(t *testing.T) {
	for option, change := range map[string]func(*manage.WireTap){
		"sample": func(w *manage.WireTap) { w.Sample.Set(-0.1) },
		"buffer": func(w *manage.WireTap) { w.Buffer = 0 },
		"to":     func(w *manage.WireTap) { w.Body.To = nil },
	} {
		w := tapTo(eip.Discard)
		change(w)
		if err := w.Validate(); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("%s: %v", option, err)
		}
	}
}
