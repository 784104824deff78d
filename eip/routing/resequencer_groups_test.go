package routing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// ordering is a running flow with a resequencer.
type ordering struct {
	t     *testing.T
	stage *routing.Resequencer
	feed  live
	mu    sync.Mutex // sequences go on at once
	out   []string
	busy  func() // releases what is under way
}

// order runs a flow in a bubble until then has returned.
func order(t *testing.T, then func(*ordering)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		o := &ordering{t: t, stage: resequencerIn(memory.New()), feed: make(live)}
		f := &eip.Flow{Name: "f", Source: o.feed, DeadLetter: eip.Discard, Stages: []eip.Stage{&eip.Named{Address: "f.order", Stage: o.stage}},
			To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
				o.mu.Lock()
				defer o.mu.Unlock()
				if o.out = append(o.out, string(m.Body())); strings.HasPrefix(string(m.Body()), "z") {
					release := m.Hold()
					o.busy = func() { release(nil) }
				}
				return nil
			})}
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		then(o)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, _, err := o.stage.Groups("", 1); !errors.Is(err, eip.ErrNotRunning) {
			t.Errorf("groups of a flow that has ended: %v", err)
		}
	})
}

func (o *ordering) send(of string) {
	for _, m := range places(of) {
		o.feed <- m
	}
	synctest.Wait()
}

// shows is key:next:waiting of all groups.
func (o *ordering) shows(key string, most int) string {
	o.t.Helper()
	all, more, err := o.stage.Groups(key, most)
	if err != nil {
		o.t.Error(err)
	}
	var shown []string
	for _, g := range all {
		shown = append(shown, fmt.Sprintf("%s:%d:%d", g.Key, *g.Next, g.Count))
	}
	if more {
		shown = append(shown, "more")
	}
	return strings.Join(shown, " ")
}

func (o *ordering) forget(key string) {
	o.t.Helper()
	if n, err := o.stage.Forget(o.t.Context(), key, nil); n != 1 || err != nil {
		o.t.Errorf("forget %s: %d, %v", key, n, err)
	}
	synctest.Wait()
}

func (o *ordering) came(want string) {
	o.t.Helper()
	if got := strings.Join(o.out, " "); got != want {
		o.t.Errorf("came %s, want %s", got, want)
	}
	o.out = nil
}

func TestResequencer_Groups(t *testing.T) {
	order(t, func(o *ordering) {
		o.send("a1 b1 b2 c3 c5 b4")
		if got := o.shows("", 9); got != "b:3:1 c:1:2 a:2:0" {
			t.Error(got)
		}
		if got := o.shows("", 2); got != "b:3:1 c:1:2 more" {
			t.Error(got)
		}
		if got := o.shows("a", 1) + o.shows("none", 1); got != "a:2:0" {
			t.Error(got)
		}
		all, _, _ := o.stage.Groups("c", 1)
		if g := all[0]; g.Bytes != 4 || !g.Since.Equal(time.Now()) || !g.ClosesAt.Equal(g.Since.Add(10*time.Second)) || string(g.Of.Body()) != "c3" {
			t.Errorf("%+v", g)
		}
		if all, _, _ = o.stage.Groups("a", 1); !all[0].Since.IsZero() || !all[0].ClosesAt.Equal(time.Now().Add(24*time.Hour)) {
			t.Errorf("%+v", all)
		}
	})
}

// A release skips the first gap, and no more.
func TestResequencer_Release(t *testing.T) {
	order(t, func(o *ordering) {
		o.send("a1 c3 c4 c6 d2")
		o.out = nil
		for _, c := range []struct {
			key, came, left string
			released        int
		}{{"c", "c3 c4", "c:5:1 d:1:1 a:2:0", 1}, {"a", "", "c:5:1 d:1:1 a:2:0", 0}, {"", "c6 d2", "a:2:0 c:7:0 d:3:0", 2}} {
			n, err := o.stage.Release(o.t.Context(), c.key)
			synctest.Wait()
			if left := o.shows("", 9); n != c.released || err != nil || left != c.left {
				t.Errorf("%q: %d, %v, left %s", c.key, n, err, left)
			}
			if c.key == "" && len(o.out) == 2 && o.out[0] == "d2" { // sequences do not wait for each other
				o.out[0], o.out[1] = o.out[1], o.out[0]
			}
			o.came(c.came)
		}
		if _, err := o.stage.Release(o.t.Context(), "none"); !errors.Is(err, store.ErrNoGroup) {
			t.Error(err)
		}
	})
}

// A sender that begins to count anew is heard again, once its sequence is forgotten.
func TestResequencer_Forget(t *testing.T) {
	long := strings.Repeat("k", 2000)
	for name, key := range map[string]string{"a short key": "", "a long key": long, "one that looks like a long one": "#x"} {
		t.Run(name, func(t *testing.T) {
			order(t, func(o *ordering) {
				if key != "" {
					o.stage.Key = func(context.Context, *eip.Message) (string, error) { return key, nil }
				}
				o.send("a1 a2 a3 a1 a2")
				o.came("a1 a2 a3")
				test := places("a1")[0].WithHeader(header.Test, "x")
				o.feed <- test
				synctest.Wait()
				o.came("a1")
				all, _, _ := o.stage.Groups("", 9)
				if len(all) != 2 || all[0].Test || !all[1].Test {
					t.Fatalf("%+v", all)
				}
				o.forget(all[0].Key)
				if all, _, _ = o.stage.Groups("", 9); len(all) != 1 || !all[0].Test {
					t.Errorf("after it %+v", all)
				}
				o.send("a2 a1")
				o.came("a1 a2")
			})
		})
	}
}

func TestResequencer_ForgetKeepsWhatWaits(t *testing.T) {
	order(t, func(o *ordering) {
		o.send("a1 a2 a4")
		var saved []byte
		n, err := o.stage.Forget(o.t.Context(), "a", func(all []any) (err error) {
			saved, err = json.Marshal(all)
			return err
		})
		if n != 1 || err != nil || !strings.Contains(string(saved), `"key":"a"`) || !strings.Contains(string(saved), `"next":3`) {
			t.Errorf("%d, %v, saved %s", n, err, saved)
		}
		o.send("a3 a2 a1")
		o.came("a1 a2 a1 a2 a3 a4")
		o.send("z1")
		if _, err := o.stage.Forget(o.t.Context(), "z", nil); err == nil || !strings.Contains(err.Error(), "under way") {
			t.Errorf("of one under way: %v", err)
		}
		o.busy()
		synctest.Wait()
		o.forget("z")
		no := errors.New("the disk is full")
		if _, err := o.stage.Forget(o.t.Context(), "a", func([]any) error { return no }); !errors.Is(err, no) {
			t.Error(err)
		}
		if _, err := o.stage.Forget(o.t.Context(), "none", nil); !errors.Is(err, store.ErrNoGroup) {
			t.Error(err)
		}
		if got := o.shows("", 9); got != "a:5:0" {
			t.Error(got)
		}
	})
}

// What is skipped among Test Messages counts for nothing.
func TestResequencer_SkipsTests(t *testing.T) {
	order(t, func(o *ordering) {
		o.feed <- places("a3")[0].WithHeader(header.Test, "x")
		o.send("a2")
		time.Sleep(time.Minute)
		if n := o.stage.Stats().Counts["skipped"]; n != 1 {
			t.Errorf("%d numbers are counted as skipped, and one is of no test", n)
		}
	})
}
