package embedded

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/store"
)

// small is a folder with room for 2 MiB.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m,mode=0700"); err != nil {
		if errors.Is(err, syscall.EPERM) {
			t.Skip("no file system may be mounted here")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// A step waits while the disk is full, with nothing of it to be seen, and is made whole when
// there is room.
func TestState_DiskFull(t *testing.T) {
	dir := small(t)
	b, s := remembering(t, dir)
	defer b.Close()
	put := func(generation byte) error {
		return step(s, func(tx store.Tx) error {
			for _, key := range []string{"a", "b", "c"} {
				tx.Put(key, bytes.Repeat([]byte{generation}, 100<<10), time.Unix(0, int64(generation)))
			}
			return nil
		})
	}
	if err := put(1); err != nil {
		t.Fatal(err)
	}
	before, err := remembered(s)
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	made := make(chan error, 8)
	for range cap(made) {
		go func() { made <- put(2) }()
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
	if hindered := b.State().(broker.Troubled).Trouble(); hindered == nil || hindered.Refused || !strings.Contains(hindered.Error(), "the disk is full") {
		t.Errorf("the store says of itself: %v", hindered)
	}
	if is, err := remembered(s); err != nil || !slices.Equal(is, before) || len(made) > 0 {
		t.Errorf("while the disk is full, it remembers %v, %v; %d steps are made", is, err, len(made))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for range cap(made) {
		if err := <-made; err != nil {
			t.Error(err)
		}
	}
	want := []string{"a 102400 2", "b 102400 2", "c 102400 2", "a is due 2", "b is due 2", "c is due 2"}
	if is, err := remembered(s); err != nil || !slices.Equal(is, want) {
		t.Errorf("it remembers %v, %v; want %v", is, err, want)
	}
}

// A full disk makes senders wait, and loses nothing: what is taken makes room.
func TestStore_DiskFull(t *testing.T) {
	dir := small(t)
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
