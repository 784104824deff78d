package embedded

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// largeBuckets are the buckets of large messages in a store's file.
func largeBuckets(t *testing.T, dir string) (n int) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, messagesFile), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if bytes.HasPrefix(name, []byte(largePrefix)) {
				n++
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Messages of all sizes wait over a restart, in order, and leave nothing behind when
// they are settled or their queue goes.
func TestLargeMessages(t *testing.T) {
	sizes := []int{1, largeMessage - 513, largeMessage - 512, 3 << 20, 10, largeMessage, 2 << 20, 0, 5 << 20}
	dir := t.TempDir()
	open := func() *Broker {
		t.Helper()
		b, err := Open(broker.Config{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	closed := func(b *Broker) {
		t.Helper()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	kept := broker.Channel{Address: "kept", Durable: true, Declare: true}
	gone := broker.Channel{Address: "gone", Durable: true, Declare: true, AutoDelete: true}
	headers := eip.Headers{"list": []any{"a", int32(1), nil, eip.Headers{"x": []byte("y")}}}
	b := open()
	for _, c := range []broker.Channel{kept, gone} {
		to, err := b.Sender(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		for i, size := range sizes {
			m := eip.New([]byte(strings.Repeat(fmt.Sprint(i), size)), nil).WithHeaders(headers)
			if size == largeMessage-512 || size == largeMessage-513 { // the sizes next to the limit
				m = eip.New([]byte(strings.Repeat(fmt.Sprint(i), size)), nil)
			}
			if err := eip.Await(t.Context(), to, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	closed(b)
	if got := largeBuckets(t, dir); got != 10 {
		t.Errorf("%d large messages have a bucket of their own, want 10", got)
	}
	b = open()
	src, err := b.Source(t.Context(), kept, broker.Subscription{PrefetchBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for i, size := range sizes {
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Repeat(fmt.Sprint(i), size); string(m.Body()) != want {
			t.Errorf("message %d has %d bytes, want %d of them", i, len(m.Body()), size)
		}
		eip.Deliver(t.Context(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return nil }), m)
	}
	last, err := b.Source(t.Context(), gone, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	if err := last.Close(); err != nil { // its queue goes
		t.Fatal(err)
	}
	closed(b)
	if got := largeBuckets(t, dir); got != 0 {
		t.Errorf("%d buckets of large messages are left", got)
	}
	closed(open())
}
