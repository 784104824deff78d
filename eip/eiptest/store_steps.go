package eiptest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/store"
)

func (t *storeTest) atomic() {
	a, b := t.space("f.a"), t.space("f.b")
	t.put(a, "kept", "1", at(9))
	t.put(b, "kept", "2", none)
	wrong := eip.Invalid(errors.New("it is wrong"))
	failing := func(tx store.Tx) error {
		tx.Put("kept", []byte("changed"), at(1))
		tx.Put("kept", []byte("changed twice"), none)
		tx.Put("new", nil, at(2))
		tx.Delete("kept")
		return wrong
	}
	good := func(tx store.Tx) error {
		tx.Delete("kept")
		tx.Put("new", nil, at(3))
		return nil
	}
	of := func(s store.Space, change func(store.Tx) error) store.Step {
		return store.Step{Space: s, Change: change}
	}
	for i, c := range []struct {
		steps []store.Step
		fails int
	}{
		{[]store.Step{of(a, good), of(b, failing)}, 1}, {[]store.Step{of(b, failing), of(a, good)}, 0},
		{[]store.Step{of(a, good), of(a, failing)}, 1}, {[]store.Step{of(a, failing)}, 0},
	} {
		failed, err := t.commit(c.steps...)
		if failed != c.fails || !errors.Is(err, wrong) {
			t.Errorf("case %d: step %d failed with %v, want %d", i, failed, err, c.fails)
		}
		t.expect(a, "kept=1@9 9:kept")
		t.expect(b, "kept=2")
	}
	if _, err := t.commit(store.Step{Space: a, Change: good}, store.Step{Space: b, Change: good}); err != nil {
		t.Error(err)
	}
	t.expect(a, "new=@3 3:new")
	t.expect(b, "new=@3 3:new")
}

func (t *storeTest) commit(steps ...store.Step) (failed int, err error) {
	type outcome struct {
		failed int
		err    error
	}
	done := make(chan outcome, 2)
	t.store.Commit(nil, steps, func(failed int, err error) { done <- outcome{failed, err} })
	o := <-done
	return o.failed, o.err
}

func (t *storeTest) inOrder() {
	s := t.space("f.stage")
	var all sync.WaitGroup
	for i := range 1000 {
		all.Add(1)
		s.Store().Commit(nil, []store.Step{{Space: s, Change: func(tx store.Tx) error {
			was, _ := tx.Get("last")
			if string(was) != fmt.Sprint(i) && i > 0 {
				return fmt.Errorf("after %s", was)
			}
			tx.Put("last", fmt.Append(nil, i+1), none)
			return nil
		}}}, func(_ int, err error) {
			if err != nil {
				t.Errorf("step %d: %v", i, err)
			}
			all.Done()
		})
	}
	all.Wait()
	t.expect(s, "last=1000")
}

func (t *storeTest) panics() {
	s := t.space("f.stage")
	t.put(s, "a", "1", none)
	err := t.step(s, func(tx store.Tx) error { tx.Put("a", []byte("2"), at(1)); panic("oh") })
	if err == nil || !eip.IsPermanent(err) || !strings.Contains(err.Error(), "oh") {
		t.Errorf("a step that panics gives %v", err)
	}
	t.expect(s, "a=1")
}

// likeAMap compares the store with a map, through many steps of which some fail.
func (t *storeTest) likeAMap() {
	r := rand.New(rand.NewPCG(1, 2))
	type record struct {
		value string
		due   int64
	}
	model := map[string]record{}
	for range 300 {
		before := make(map[string]record, len(model))
		for k, v := range model {
			before[k] = v
		}
		fails := r.IntN(4) == 0
		type change struct {
			key string
			record
			delete bool
		}
		var changes []change
		for range 1 + r.IntN(5) {
			changes = append(changes, change{fmt.Sprint("k", r.IntN(20)), record{fmt.Sprint(r.IntN(100)), r.Int64N(4)}, r.IntN(3) == 0})
		}
		err := t.step(t.space("f.stage"), func(tx store.Tx) error {
			for _, c := range changes {
				if c.delete {
					tx.Delete(c.key)
					continue
				}
				due := none
				if c.due > 0 {
					due = at(c.due)
				}
				tx.Put(c.key, []byte(c.value), due)
			}
			if fails {
				return errors.New("no")
			}
			return nil
		})
		if (err != nil) != fails {
			t.Fatal(err)
		}
		for _, c := range changes {
			if fails {
				break
			}
			if c.delete {
				delete(before, c.key)
			} else {
				before[c.key] = c.record
			}
		}
		model = before
	}
	var keys, due []string
	for key, v := range model {
		text := key + "=" + v.value
		if v.due > 0 {
			text += fmt.Sprintf("@%d", v.due)
			due = append(due, fmt.Sprintf("%d:%s", v.due, key))
		}
		keys = append(keys, text)
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(a[:strings.Index(a, "=")], b[:strings.Index(b, "=")]) })
	slices.Sort(due)
	want := strings.Join(append(keys, due...), " ")
	t.expect(t.space("f.stage"), want)
	t.again()
	if t.c.Lasts {
		t.expect(t.space("f.stage"), want)
	}
}
