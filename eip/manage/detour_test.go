package manage_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/flow/schema"
	"github.com/eipd/eipd/eip/manage"
)

// mark appends a word to a message's body.
func mark(word string) eip.Stage {
	return eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		runtime.Gosched()
		return next.Handle(ctx, m.WithBody(fmt.Append(nil, string(m.Body()), " ", word)))
	})
}

func ExampleDetour() {
	d := manage.NewDetour()
	d.Body.Stages = []eip.Stage{mark("checked")}
	flow := eip.Chain([]eip.Stage{d}, eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		fmt.Println(string(m.Body()))
		return nil
	}))
	ctx := context.Background()
	_ = flow.Handle(ctx, eip.New([]byte("first"), nil))
	d.Enabled.Set(true)
	_ = flow.Handle(ctx, eip.New([]byte("second"), nil))
	// Output:
	// first
	// second checked
}

func TestDetour_KeepsTheContract(t *testing.T) {
	detour := func(enabled, to bool) func(eip.Handler) eip.Stage {
		return func(target eip.Handler) eip.Stage {
			d := manage.NewDetour()
			d.Enabled, d.Body.Stages = eip.LiveOf(enabled), []eip.Stage{mark("x")}
			if to {
				d.Body.To = target
			}
			return d
		}
	}
	t.Run("off", func(t *testing.T) { eiptest.Stage(t, eiptest.StageCase{New: detour(false, false)}) })
	t.Run("on", func(t *testing.T) { eiptest.Stage(t, eiptest.StageCase{New: detour(true, false)}) })
	t.Run("on with to", func(t *testing.T) {
		eiptest.Stage(t, eiptest.StageCase{New: detour(true, true)})
	})
}

func TestDetour_Ways(t *testing.T) {
	for _, on := range []bool{false, true} {
		for _, to := range []bool{false, true} {
			t.Run(fmt.Sprintf("on %v, to %v", on, to), func(t *testing.T) {
				var aside eiptest.Recorder
				d := manage.NewDetour()
				d.Enabled, d.Body.Stages = eip.LiveOf(on), []eip.Stage{mark("detoured")}
				if to {
					d.Body.To = &aside
				}
				passed, err := eiptest.Process(t.Context(), d, eiptest.Message("m"))
				if err != nil {
					t.Fatal(err)
				}
				var out []string
				for _, m := range passed {
					out = append(out, string(m.Body()))
				}
				wantOut, wantAside := []string{"m"}, []string(nil)
				if on {
					wantOut = []string{"m detoured"}
				}
				if on && to {
					wantOut, wantAside = nil, wantOut
				}
				if !slices.Equal(out, wantOut) || !slices.Equal(aside.Bodies(), wantAside) {
					t.Errorf("passed %q, aside %q; want %q and %q", out, aside.Bodies(), wantOut, wantAside)
				}
				if n := d.Stats().Counts["detoured"]; n == 1 != on {
					t.Errorf("counted %d", n)
				}
			})
		}
	}
}

// A message passes all stages of the detour or none, however often it is switched
// meanwhile.
func TestDetour_IsSwitchedBetweenMessages(t *testing.T) {
	d := manage.NewDetour()
	inner := manage.NewDetour() // one that is always on, so that pipes nest
	inner.Enabled, inner.Body.Stages = eip.LiveOf(true), []eip.Stage{mark("b"), mark("c")}
	d.Body.Stages = []eip.Stage{mark("a"), inner, mark("d")}

	stop := make(chan struct{})
	var switching, working sync.WaitGroup
	switching.Go(func() {
		for on := true; ; on = !on {
			select {
			case <-stop:
				return
			default:
				d.Enabled.Set(on)
				runtime.Gosched()
			}
		}
	})
	var out eiptest.Recorder
	flow := eip.Chain([]eip.Stage{d}, &out)
	for range 8 {
		working.Go(func() {
			for range 2000 {
				eip.Deliver(t.Context(), flow, eiptest.Message("m"))
			}
		})
	}
	working.Wait()
	close(stop)
	switching.Wait()
	ways := map[string]int{}
	for _, body := range out.Bodies() {
		ways[body]++
	}
	straight, around := ways["m"], ways["m a b c d"]
	if straight+around != 16000 || straight == 0 || around == 0 {
		t.Errorf("messages went these ways: %v", ways)
	}
	if n := d.Stats().Counts["detoured"]; n != int64(around) {
		t.Errorf("counted %d, %d took the detour", n, around)
	}
}

func TestDetour_SwitchedWhileAMessageIsOnIt(t *testing.T) {
	d := manage.NewDetour()
	d.Enabled.Set(true)
	d.Body.Stages = []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
		d.Enabled.Set(false)
		return next.Handle(ctx, m)
	}), mark("finished")}
	for _, want := range []string{"m finished", "m"} {
		passed, err := eiptest.Process(t.Context(), d, eiptest.Message("m"))
		if err != nil || len(passed) != 1 || string(passed[0].Body()) != want {
			t.Errorf("passed %v, %v; want %q", passed, err, want)
		}
	}
}

func TestDetour_Set(t *testing.T) {
	d := manage.NewDetour()
	bus, _ := schema.SettableOf(d)
	for _, value := range []any{true, "true"} {
		d.Enabled.Set(false)
		if err := bus.Set("enabled", value); err != nil || bus.Settable()["enabled"] != true || !d.Enabled.Load() {
			t.Errorf("set to %v: %v, then it is %v", value, err, bus.Settable())
		}
	}
	for attribute, value := range map[string]any{"enabled": "perhaps", "enable": true, "body": nil} {
		if err := bus.Set(attribute, value); err == nil || !strings.Contains(err.Error(), attribute) {
			t.Errorf("set %s to %v: %v", attribute, value, err)
		}
	}
	if !d.Enabled.Load() {
		t.Error("a refused value changed something")
	}
	if err := d.Validate(); err == nil {
		t.Error("a detour that leads nowhere is valid")
	}
}
