package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/eip/store"
	"github.com/eipd/eipd/eip/store/memory"
)

func TestOutbox_WaitsWhileItIsOpen(t *testing.T) {
	var o store.Outbox
	if o.Waiting() {
		t.Error("one that was never opened waits")
	}
	space, err := memory.New().Space("f.s")
	if err != nil {
		t.Fatal(err)
	}
	env := eiptest.Env()
	env.Make = func(context.Context, *eip.Message) error { return nil }
	if err := o.Open(t.Context(), env, space); err != nil {
		t.Fatal(err)
	}
	if o.Waiting() {
		t.Error("it waits for nothing")
	}
	if err := store.Do(t.Context(), space, func(tx store.Tx) error {
		return o.Put(tx, eip.New(nil, nil), time.Now().Add(time.Hour))
	}); err != nil {
		t.Fatal(err)
	}
	if !o.Waiting() {
		t.Error("it does not wait for what is due in an hour")
	}
	o.Close()
	if o.Waiting() {
		t.Error("it waits though it is closed")
	}
}

// What has failed is written down with its message, and handed over as such.
func TestOutbox_Fails(t *testing.T) {
	space, err := memory.New().Space("f.s")
	if err != nil {
		t.Fatal(err)
	}
	var o store.Outbox
	got := make(chan string, 4)
	env := eiptest.Env()
	env.Make = func(context.Context, *eip.Message) error { return nil }
	env.Fail = func(ctx context.Context, m *eip.Message, err error) error {
		got <- fmt.Sprint(string(m.Body()), " ", len(m.ID), " ", err, " ", eip.IsInvalid(err))
		eip.Deliver(ctx, eip.Discard, m)
		return nil
	}
	if err := o.Open(t.Context(), env, space); err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for _, with := range []error{errors.New("late"), eip.Invalid(errors.New("odd")), eip.Invalid(errors.New(""))} {
		if err := store.Do(t.Context(), space, func(tx store.Tx) error { return o.Fail(tx, eip.New([]byte("b"), nil), with) }); err != nil {
			t.Fatal(err)
		}
		if have, want := <-got, fmt.Sprint("b 32 ", with, " ", eip.IsInvalid(with)); have != want {
			t.Errorf("handed over as %q, want %q", have, want)
		}
	}
	if err := o.Flush(t.Context()); err != nil || o.Holds() || o.Holds("x") {
		t.Errorf("%v, and it still holds something", err)
	}
	_ = store.Do(t.Context(), space, func(tx store.Tx) error { tx.Put("x1", nil, time.Time{}); return nil })
	if o.Holds() || !o.Holds("x") {
		t.Error("it does not see the stage's own key")
	}
}

// What is in one line goes one after the other, and other lines do not wait for it: those
// first of which a message was put first.
func TestOutbox_Lines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		space, err := memory.New().Space("f.s")
		if err != nil {
			t.Fatal(err)
		}
		var o store.Outbox
		var mu sync.Mutex
		var got []string
		releases := map[string]func(error){}
		env := eiptest.Env()
		env.Make = func(_ context.Context, m *eip.Message) error {
			mu.Lock()
			got, releases[string(m.Body())] = append(got, string(m.Body())), m.Hold()
			mu.Unlock()
			eip.Deliver(context.Background(), eip.Discard, m)
			return nil
		}
		if err := o.Open(t.Context(), env, space); err != nil {
			t.Fatal(err)
		}
		put := func(all ...string) { // in the line that the text before a point says
			if err := store.Do(t.Context(), space, func(tx store.Tx) (err error) {
				for _, text := range all {
					line, _, _ := strings.Cut(text, ".")
					err = errors.Join(err, o.PutBehind(tx, line, eip.New([]byte(text), nil)))
				}
				return err
			}); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if have := strings.Join(got, " "); have != want {
				t.Errorf("sent %q, want %q", have, want)
			}
			got = nil
		}
		put("z.1", "z.2", "a.1", "z.3", "za.1", ".1", ".2")
		expect("z.1 a.1 za.1 .1")
		put("z.4")
		expect("")
		releases["a.1"](nil)
		releases[".1"](nil)
		expect(".2")
		releases["z.1"](errors.New("away"))
		expect("")
		time.Sleep(time.Second) // it is tried again, and what is behind it still waits
		expect("z.1")
		releases["z.1"](nil)
		expect("z.2")
		put("a.2")
		expect("a.2")
		for _, text := range []string{"z.2", "z.3", "z.4", "za.1", "a.2", ".2"} {
			synctest.Wait()
			releases[text](nil)
		}
		expect("z.3 z.4")
		synctest.Wait()
		if o.Holds() || o.Waiting() {
			t.Error("it still holds something")
		}
		o.Close()
	})
}
