package routing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

// saving keeps the bodies that Forget saves.
func saving(to *[]string) func([]any) error {
	return func(all []any) error {
		for _, v := range all {
			*to = append(*to, string(v.(*eip.Message).Body()))
		}
		return nil
	}
}

// What is forgotten comes again as if it had never come, be its group open or closed.
func TestAggregator_Forget(t *testing.T) {
	for name, c := range map[string]struct {
		set        func(*routing.Aggregator)
		first      []*eip.Message
		removed    int
		saved, out string
	}{
		"an open group":   {first: parts("a", "1", "2"), removed: 2, saved: "1 2", out: "[1,2,3] size"},
		"a closed one":    {first: parts("a", "1", "2", "3"), out: "[1,2,3] size | [1,2,3] size"},
		"both":            {set: func(a *routing.Aggregator) { a.Late = "new" }, first: parts("a", "1", "2", "3", "4"), removed: 1, saved: "4", out: "[1,2,3] size | [1,2,3] size"},
		"one that folds":  {set: func(a *routing.Aggregator) { see(t, &a.Fold, "(value ?? 0) + body") }, first: parts("a", "1", "2"), removed: 2, saved: "3", out: "6 size"},
		"one of thousand": {set: func(a *routing.Aggregator) { a.Size.Set(2100) }, first: parts("a", numbers(2050)...), removed: 2050, saved: strings.Join(numbers(2050), " "), out: "[1,2,3] end"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memory.New()
				a := aggregatorIn(t, s, func(a *routing.Aggregator) {
					a.Size.Set(3)
					a.Late = "discard"
					if c.set != nil {
						c.set(a)
					}
				})
				g := gather(t, a)
				g.send(c.first...)
				g.send(parts("b", "1")...)
				var saved []string
				removed, err := a.Forget(t.Context(), "a", saving(&saved))
				if err != nil || removed != c.removed || strings.Join(saved, " ") != c.saved {
					t.Errorf("%d were removed, and %v saved: %v", removed, saved, err)
				}
				synctest.Wait()
				if left := left(t, s); left != `{"g":1,"i":1,"n":1,"o":1,"p":1,"r":1}` && left != `{"g":1,"i":1,"n":1,"o":1,"p":1}` {
					t.Errorf("there are still %s", left)
				}
				if _, err := a.Forget(t.Context(), "a", nil); !errors.Is(err, store.ErrNoGroup) {
					t.Errorf("again: %v", err)
				}
				g.send(parts("a", "1", "2", "3")...)
				if _, err := a.Forget(t.Context(), "b", nil); err != nil {
					t.Error(err)
				}
				g.end(false)
				if out := g.bodies("out"); out != c.out {
					t.Errorf("out came %s", out)
				}
			})
		})
	}
}

func numbers(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i+1))
	}
	return all
}

// Parts that come while a group is saved are saved too.
func TestAggregator_ForgetSavesWhatComesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := aggregator(t, func(*routing.Aggregator) {})
		g := gather(t, a)
		g.send(parts("a", "1", "2")...)
		var saved []string
		save, more := saving(&saved), [][]*eip.Message{parts("a", "3"), parts("a", "4", "5")}
		removed, err := a.Forget(t.Context(), "a", func(all []any) error {
			if len(more) > 0 {
				g.send(more[0]...)
				more = more[1:]
			}
			return save(all)
		})
		if err != nil || removed != 5 || strings.Join(saved, " ") != "1 2 3 4 5" {
			t.Errorf("%d were removed, and %v saved: %v", removed, saved, err)
		}
		n := 5
		g.send(parts("a", "6")...)
		_, err = a.Forget(t.Context(), "a", func([]any) error {
			n++
			g.send(parts("a", fmt.Sprint(n+100))...)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "parts keep coming") {
			t.Errorf("of a group that grows: %v", err)
		}
		if all, _, _ := a.Groups("a", 1); len(all) != 1 {
			t.Errorf("%v", all)
		}
		no := errors.New("the disk is full")
		if _, err := a.Forget(t.Context(), "a", func([]any) error { return no }); !errors.Is(err, no) {
			t.Errorf("where it cannot be saved: %v", err)
		}
		if all, _, _ := a.Groups("a", 1); len(all) != 1 {
			t.Errorf("%v", all)
		}
		g.end(true)
	})
}

// Who releases a group says that it is complete. Test Messages have groups of their own.
func TestAggregator_Release(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := aggregator(t, func(a *routing.Aggregator) { see(t, &a.Complete, "false") })
		g := gather(t, a)
		test := parts("a", `"test"`)[0].WithHeader(header.Test, "t1")
		g.send(slices.Concat(parts("a", "1"), []*eip.Message{test}, parts("b", "2"), parts("c", "3"))...)
		all, more, err := a.Groups("", 10)
		if err != nil || more || len(all) != 4 || all[0].Test || !all[1].Test || all[1].Key != "a" || all[3].Key != "c" {
			t.Errorf("%+v, %v, %v", all, more, err)
		}
		if some, more, err := a.Groups("", 3); err != nil || !more || len(some) != 3 {
			t.Errorf("%+v, %v, %v", some, more, err)
		}
		if !all[0].ClosesAt.Equal(time.Now().Add(time.Hour)) || !all[0].Since.Equal(time.Now()) || string(all[0].Of.Body()) != "1" {
			t.Errorf("%+v", all[0])
		}
		if n, err := a.Release(t.Context(), "a"); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if _, err := a.Release(t.Context(), "a"); !errors.Is(err, store.ErrNoGroup) {
			t.Errorf("%v", err)
		}
		if n, err := a.Release(t.Context(), ""); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		synctest.Wait()
		if out := g.bodies("out"); out != `[1] operator | ["test"] operator | [2] operator | [3] operator` {
			t.Errorf("out came %s", out)
		}
		if own := a.Stats(); own.Branches["operator"] != 3 || own.Counts["outputs"] != 3 || own.Counts["opened"] != 3 {
			t.Errorf("counted were %+v, and three are no tests", own)
		}
		g.end(true)
		_, err = a.Release(context.Background(), "")
		if !errors.Is(err, eip.ErrNotRunning) {
			t.Errorf("when it is closed: %v", err)
		}
	})
}
