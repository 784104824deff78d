package embedded

import (
	"context"
	"errors"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A full disk makes senders wait, and loses nothing: what is taken makes room.
func TestStore_DiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		if errors.Is(err, syscall.EPERM) {
			t.Skip("no file system may be mounted here")
		}
		t.Fatal(err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	b, err := Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	q := queueNamed("q")
	to, src := send(t, b, q), open(t, b, q, broker.Subscription{Prefetch: 1})
	const n = 100
	settled := make(chan error, n)
	for i := range n {
		body := append([]byte(strconv.Itoa(i)), make([]byte, 60<<10)...)
		eip.Deliver(t.Context(), to, eip.New(body, func(err error) { settled <- err }))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for trouble, changed := b.store.Trouble(); trouble == ""; trouble, changed = b.store.Trouble() {
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatal("a full disk was not noticed")
		}
	}
	if s := b.Status(); s.Connected || s.Waiting == "" {
		t.Errorf("the broker says %+v", s)
	}
	if err := to.Close(); err == nil {
		t.Error("the sender was closed as if all were well")
	}
	for i := range n {
		m, err := src.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if text := strconv.Itoa(i); string(m.Body()[:len(text)]) != text {
			t.Fatalf("received %.10q, want %s", m.Body(), text)
		}
		eip.Deliver(ctx, eip.Discard, m)
	}
	for range n {
		if err := <-settled; err != nil {
			t.Fatal(err)
		}
	}
	if s := b.Status(); !s.Connected {
		t.Errorf("the broker says %+v", s)
	}
}
