package manage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/manage"
)

func TestWireTap_TargetThatHangsForEver(t *testing.T) {
	never := make(chan struct{})
	targets := map[string]eip.Handler{
		"blocks": eip.HandlerFunc(func(context.Context, *eip.Message) error { <-never; return nil }),
		"holds": eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			m.Hold()
			return nil
		}),
		"heeds its context": eip.HandlerFunc(func(ctx context.Context, _ *eip.Message) error {
			<-ctx.Done()
			return ctx.Err()
		}),
	}
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				never = make(chan struct{})
				w := tapTo(target)
				w.Buffer = 10
				openTap(t, w)
				feed(t, w, 10000)
				if !w.Busy() || w.Stats().Counts["dropped"] < 9990 {
					t.Errorf("busy %v, counts %v", w.Busy(), w.Stats().Counts)
				}
				start := time.Now()
				closeTap(t, w, time.Second)
				if d := time.Since(start); d != time.Second {
					t.Errorf("close took %v", d)
				}
				close(never)
				synctest.Wait() // what ends late is not counted again
				wantCounts(t, w, map[string]int64{"copied": 0, "dropped": 10000, "failed": 0})
			})
		})
	}
}

// What a target holds counts against the buffer as what waits does.
func TestWireTap_BoundsWhatIsUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held []func(error)
		w := tapTo(eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
			held = append(held, m.Hold())
			return nil
		}))
		w.Buffer = 3
		openTap(t, w)
		for range 2 {
			held = nil
			for range 5 {
				feed(t, w, 1)
				synctest.Wait()
			}
			if len(held) != 3 {
				t.Fatalf("the target holds %d copies, want 3", len(held))
			}
			held[0](nil)
			held[1](errors.New("refused"))
			held[2](nil)
		}
		closeTap(t, w, time.Second)
		wantCounts(t, w, map[string]int64{"copied": 4, "dropped": 4, "failed": 2})
	})
}

func TestWireTap_CloseFinishesWhatItCan(t *testing.T) {
	for within, want := range map[time.Duration]int64{time.Hour: 20, 5500 * time.Millisecond: 5} {
		t.Run(within.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out eiptest.Recorder
				w := tapTo(eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
					select {
					case <-time.After(time.Second):
						return out.Handle(ctx, m)
					case <-ctx.Done():
						return ctx.Err()
					}
				}))
				openTap(t, w)
				feed(t, w, 20)
				closeTap(t, w, within)
				wantCounts(t, w, map[string]int64{"copied": want, "dropped": 20 - want, "failed": 0})
				for i, body := range out.Bodies() {
					if body != fmt.Sprint(i+1) {
						t.Fatalf("copies came as %v", out.Bodies())
					}
				}
			})
		})
	}
}

// Nothing that goes wrong with a copy touches the message, and the log is not
// flooded.
func TestWireTap_FailuresStayAside(t *testing.T) {
	fails := eip.HandlerFunc(func(context.Context, *eip.Message) error { return errors.New("refused") })
	panics := eip.HandlerFunc(func(context.Context, *eip.Message) error { panic("boom") })
	taps := map[string]func() *manage.WireTap{
		"copy fails":  func() *manage.WireTap { return tapTo(fails) },
		"copy panics": func() *manage.WireTap { return tapTo(panics) },
		"if fails": func() *manage.WireTap {
			w := tapTo(eip.Discard)
			w.If.Set(func(context.Context, *eip.Message) (bool, error) { return true, eip.Invalid(errors.New("no JSON")) })
			return w
		},
		"if panics": func() *manage.WireTap {
			w := tapTo(eip.Discard)
			w.If.Set(func(context.Context, *eip.Message) (bool, error) { panic("boom") })
			return w
		},
	}
	for name, tap := range taps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				env := eiptest.Env()
				env.Log = slog.New(slog.NewTextHandler(&log, nil))
				w := tap()
				if err := w.Open(t.Context(), env); err != nil {
					t.Fatal(err)
				}
				for range 30 {
					feed(t, w, 10)
					synctest.Wait()
					time.Sleep(time.Second)
				}
				closeTap(t, w, time.Second)
				wantCounts(t, w, map[string]int64{"copied": 0, "dropped": 0, "failed": 300})
				if n := strings.Count(log.String(), "\n"); n != 3 || !strings.Contains(log.String(), "stage=test.stage") {
					t.Errorf("30 s of failures made %d lines:\n%s", n, &log)
				}
			})
		})
	}
}

// The copies of many lanes never exceed the buffer, and none is lost from the
// counts.
func TestWireTap_Concurrent(t *testing.T) {
	var mu sync.Mutex
	var held []func(error)
	most := 0
	w := tapTo(eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		mu.Lock()
		defer mu.Unlock()
		held = append(held, m.Hold())
		most = max(most, len(held))
		if len(held) == 5 {
			for _, release := range held {
				release(nil)
			}
			held = nil
		}
		return nil
	}))
	w.Buffer = 7
	openTap(t, w)
	chain := eip.Chain([]eip.Stage{w}, eip.Discard)
	var lanes sync.WaitGroup
	for range 8 {
		lanes.Go(func() {
			for range 1000 {
				eip.Deliver(t.Context(), chain, eiptest.Message("m"))
			}
		})
	}
	lanes.Wait()
	closeTap(t, w, 50*time.Millisecond)
	c := w.Stats().Counts
	mu.Lock()
	defer mu.Unlock()
	if most > 7 || c["copied"]+c["dropped"] != 8000 || c["failed"] != 0 {
		t.Errorf("at most %d at once, counts %v", most, c)
	}
}

func BenchmarkWireTap(b *testing.B) {
	never := make(chan struct{})
	defer close(never)
	hangs := eip.HandlerFunc(func(context.Context, *eip.Message) error { <-never; return nil })
	body := bytes.Repeat([]byte("x"), 1024)
	for _, c := range []struct {
		name   string
		target eip.Handler
	}{{"no tap", nil}, {"target hangs", hangs}, {"target takes all", eip.Discard}} {
		b.Run(c.name, func(b *testing.B) {
			var stages []eip.Stage
			if c.target != nil {
				w := tapTo(c.target)
				if err := w.Open(b.Context(), eiptest.Env()); err != nil {
					b.Fatal(err)
				}
				defer func() {
					done, cancel := context.WithCancel(b.Context())
					cancel()
					w.Close(done)
				}()
				stages = append(stages, w)
			}
			chain := eip.Chain(stages, eip.Discard)
			b.ReportAllocs()
			for b.Loop() {
				eip.Deliver(b.Context(), chain, eip.New(body, nil))
			}
		})
	}
}
