package store_test

import (
	"context"
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
