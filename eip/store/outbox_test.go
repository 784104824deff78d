package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
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
