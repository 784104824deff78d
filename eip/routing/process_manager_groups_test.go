package routing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/routing"
	"github.com/eipd/eipd/eip/store"
)

func TestProcessManager_Groups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, nil)
		began := time.Now()
		o.come("a placed")
		time.Sleep(time.Second)
		o.come("b placed", "c placed")
		o.answer(o.take("payments"), `{"ok":true}`)
		all, more, err := o.stage.Groups("", 2)
		if err != nil || !more || len(all) != 2 || all[0].Key != "a" || all[0].State != "shipping" || all[0].Version != 2 || !all[0].Since.Equal(began) || !all[0].ClosesAt.Equal(began.Add(30*24*time.Hour)) ||
			all[1].Key != "b" || all[1].State != "paying" || !all[1].ClosesAt.Equal(began.Add(time.Second+10*time.Minute)) {
			t.Errorf("%+v, more %v: %v", all, more, err)
		}
		if one, _, _ := o.stage.Groups("d", 2); len(one) != 0 {
			t.Errorf("%+v", one)
		}
		o.shut()
		if _, _, err := o.stage.Groups("", 2); !errors.Is(err, eip.ErrNotRunning) {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestProcessManager_Move(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, func(o *office, p *routing.ProcessManager) { p.Unexpected.Set("wait") })
		o.come("a placed", "a shipped", "b placed")
		for to, want := range map[string]string{
			"undoing": `there is no state "undoing" for a process that is in "paying"`,
			"undo_to": `there is no state "undo_to"; there is cancelled, done, paying, shipping`,
			"shiping": `there is no state "shiping"; did you mean shipping?`,
			"":        `there is no state ""; there is cancelled, done, paying, shipping`,
		} {
			for _, key := range []string{"a", "none"} {
				if key == "none" && to == "undoing" {
					continue
				}
				if err := o.stage.Move(t.Context(), key, to); !errors.Is(err, store.ErrNoState) || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%s to %q: %v, want %s", key, to, err, want)
				}
			}
		}
		if err := o.stage.Move(t.Context(), "c", "shipping"); !errors.Is(err, store.ErrNoGroup) {
			t.Errorf("what there is not: %v", err)
		}
		if err := errors.Join(o.stage.Move(t.Context(), "a", "shipping"), o.stage.Move(t.Context(), "b", "cancelled")); err != nil {
			t.Error(err)
		}
		if got := o.states(); got != "" { // a took what had waited for the state
			t.Errorf("processes %s", got)
		}
		o.expect(wanted{"notes": "placed a | placed b", "payments": `{"amount":0,"order":"a"} | {"amount":0,"order":"b"}`, "cancelled": "cancelled b"})
		o.counts(counts{"started": 2, "events": 3, "unexpected": 1, "moved": 2, "finished": 2, "→done": 1, "→cancelled": 1})
		o.answer(o.take("payments"), `"late"`)
		o.expect(wanted{"notes": "placed a | placed b", "payments": `{"amount":0,"order":"b"}`, "cancelled": "cancelled b", "dead": `"late"`})
		o.shut()
		if err := o.stage.Move(t.Context(), "a", "shipping"); !errors.Is(err, eip.ErrNotRunning) {
			t.Errorf("closed: %v", err)
		}
	})
}

// What is forgotten is as if it had never been, be it under way or at its end.
func TestProcessManager_Forget(t *testing.T) {
	for name, c := range map[string]struct {
		do      func(*office)
		removed int
		saved   string
	}{
		"one under way": {func(o *office) { o.come(`a placed {"total":5}`, `a shipped "soon"`) }, 2, `[{"data":{"total":5},"key":"a","state":"paying","version":1} "soon"]`},
		"one that has ended": {func(o *office) {
			o.come("a placed")
			o.answer(o.take("payments"), `{"ok":false}`)
		}, 0, `[]`},
		"what waits": {func(o *office) { o.come(`a shipped "soon"`) }, 1, `["soon"]`},
		"one that has had much": {func(o *office) {
			o.come("a placed")
			o.answer(o.take("payments"), `{"ok":true}`)
			for i := range 1100 {
				o.put(ofOrder(fmt.Sprintf("a note %d", i)))
			}
			synctest.Wait()
		}, 1, `[{"data":{"paid":null,"total":0},"key":"a","state":"shipping","version":1102}]`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t, func(_ *office, p *routing.ProcessManager) { p.Unexpected.Set("wait") })
				c.do(o)
				saved := []string{}
				removed, err := o.stage.Forget(t.Context(), "a", func(all []any) error {
					for _, v := range all {
						if m, ok := v.(*eip.Message); ok {
							saved = append(saved, string(m.Body()))
							continue
						}
						text, _ := json.Marshal(v)
						saved = append(saved, string(text))
					}
					return nil
				})
				if err != nil || removed != c.removed || fmt.Sprint(saved) != c.saved {
					t.Errorf("removed %d, saved %v: %v", removed, saved, err)
				}
				synctest.Wait()
				if left := o.left(); left != "map[]" {
					t.Errorf("there are still %s", left)
				}
				if _, err := o.stage.Forget(t.Context(), "a", nil); !errors.Is(err, store.ErrNoGroup) {
					t.Errorf("again: %v", err)
				}
				o.come("a placed")
				if got := o.states(); got != "a paying" {
					t.Errorf("processes %s", got)
				}
				time.Sleep(10 * time.Minute)
				o.shut()
			})
		})
	}
}
