package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
)

func TestDirectory(t *testing.T) {
	for raw, want := range map[string]string{
		"embedded:": "data", "embedded:some/where": "some/where", "embedded:/abs": "/abs", "embedded:///abs": "/abs",
		"embedded:with%20space": "with space", "embedded:./x": "./x",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Directory(u, "data"); err != nil || got != filepath.FromSlash(want) {
			t.Errorf("%s is %q, %v; want %q", raw, got, err, want)
		}
	}
	for _, raw := range []string{"embedded://host/x", "embedded:x?y=1", "embedded://user@/x"} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Directory(u, "data"); err == nil {
			t.Errorf("%s was taken for %q", raw, got)
		}
	}
	if _, err := Directory(nil, ""); err == nil {
		t.Error("no directory was taken for one")
	}
}

func TestPositions(t *testing.T) {
	t.Parallel() // it waits for a lock
	dir := filepath.Join(t.TempDir(), "made", "on", "the", "way")
	long := strings.Repeat("long", 100_000)
	for i := range 3 {
		p, err := OpenPositions(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := OpenPositions(dir, nil); err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("opening the store a second time gave %v", err)
			}
		}
		for _, key := range []string{"file", "", long, long + "er"} {
			want := ""
			if i > 0 {
				want = fmt.Sprint(key, i-1)
			}
			if got, err := p.Position(key); err != nil || string(got) != want {
				t.Errorf("run %d: the position is %.20q, %v; want %.20q", i, got, err, want)
			}
			p.Keep(key, []byte("replaced"))
			p.Keep(key, fmt.Append(nil, key, i))
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p.Keep("file", []byte("too late"))
		if _, err := p.Position("file"); err == nil {
			t.Error("a closed store gives positions")
		}
	}
}

// A broker and a store of positions may have one directory.
func TestPositions_BesideBroker(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := OpenPositions(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
}

// settledEarly is a source's message whose position is kept in the store that it goes to.
type settledEarly struct {
	b     *Broker
	early chan bool
}

func (e *settledEarly) Settle(err error) {}
func (e *settledEarly) SettleEarly(p adapter.Positions) bool {
	e.early <- adapter.KeptIn(e.b, p)
	e.b.Keep("at", []byte("42"))
	return true
}

func TestPosition_CommittedWithTheMessage(t *testing.T) {
	b := benchBroker(t)
	to := send(t, b, queueNamed("q"))
	e := &settledEarly{b, make(chan bool, 1)}
	// While a transaction is under way, the flow lets go of the message.
	begun, end := make(chan struct{}), make(chan struct{})
	b.store.later(func(*bbolt.Tx) error {
		close(begun)
		<-end
		return nil
	})
	<-begun
	eip.Deliver(t.Context(), to, eip.NewFor([]byte("x"), e))
	close(end)
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case same := <-e.early:
		if !same {
			t.Error("the store is not known as the place of its positions")
		}
	default:
		t.Fatal("the message settled without its position")
	}
	if v, err := b.Position("at"); err != nil || string(v) != "42" {
		t.Errorf("the position is %q, %v", v, err)
	}
}

// Nobody waits for ever on a disk that cannot be written.
func TestStore_FailsForGood(t *testing.T) {
	b := benchBroker(t)
	q := queueNamed("q")
	to, src := send(t, b, q), open(t, b, q, broker.Subscription{})
	if err := eip.Await(t.Context(), to, eip.New([]byte("1"), nil)); err != nil {
		t.Fatal(err)
	}
	b.store.file.Close() // as a disk that went away
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := eip.Await(ctx, to, eip.New([]byte("2"), nil))
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "messages.db") {
		t.Errorf("sending gave %v", err)
	}
	if err := eip.Await(ctx, to, eip.New([]byte("3"), nil)); err == nil || ctx.Err() != nil {
		t.Errorf("sending again gave %v", err)
	}
	if s := b.Status(); s.Connected || s.Waiting == "" {
		t.Errorf("the broker says %+v", s)
	}
	m, err := src.Receive(ctx)
	if err != nil || string(m.Body()) != "1" {
		t.Errorf("what was on disk gave %v, %v", m, err)
	} else {
		eip.Deliver(ctx, eip.Discard, m)
	}
	if err := to.Close(); err != nil && ctx.Err() != nil {
		t.Errorf("closing the sender gave %v", err)
	}
	if err := b.Close(); err == nil {
		t.Error("the broker was closed as if all were well")
	}
}

func TestStore_Shrinks(t *testing.T) {
	t.Parallel() // it waits for the disk
	dir := t.TempDir()
	e, err := Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	q := queueNamed("q")
	to := send(t, e, q)
	body := make([]byte, 1<<20)
	for range 80 {
		eip.Deliver(t.Context(), to, eip.New(body, nil))
	}
	if err := eip.Await(t.Context(), to, eip.New([]byte("small"), nil)); err != nil {
		t.Fatal(err)
	}
	src := open(t, e, q, broker.Subscription{})
	for range 80 {
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
	e.Keep("position", []byte("1"))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if size := fileSize(t, dir); size < shrinkFrom {
		t.Fatalf("the file has %d bytes; the test needs more", size)
	}
	if e, err = Open(broker.Config{DataDir: dir}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if size := fileSize(t, dir); size > 1<<20 {
		t.Errorf("the file still has %d bytes", size)
	}
	if v, err := e.Position("position"); err != nil || string(v) != "1" {
		t.Errorf("the position is %q, %v", v, err)
	}
	m, err := open(t, e, q, broker.Subscription{}).Receive(t.Context())
	if err != nil || string(m.Body()) != "small" || m.Redelivered {
		t.Errorf("received %v, %v", m, err)
	}
}

func fileSize(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, messagesFile))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// What expired on disk moves to the dead-letter queue, also while nobody reads.
func TestExpired_OnDisk(t *testing.T) {
	const n = 3000
	dir := t.TempDir()
	e, err := Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	q, dead := queueNamed("q"), queueNamed("dead")
	q.DeadLetter = "dead"
	to := send(t, e, q)
	for i := range n {
		eip.Deliver(t.Context(), to, eip.New([]byte(strconv.Itoa(i)), nil).With(func(m *eip.Message) { m.Expiration = time.Nanosecond }))
	}
	if err := errors.Join(to.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	if e, err = Open(broker.Config{DataDir: dir}); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	graves := open(t, e, dead, broker.Subscription{})
	for i := range n {
		m, err := graves.Receive(ctx)
		if err != nil {
			t.Fatalf("dead letter %d: %v", i, err)
		}
		if string(m.Body()) != strconv.Itoa(i) {
			t.Fatalf("dead letter %d is %q", i, m.Body())
		}
		eip.Deliver(ctx, eip.Discard, m)
	}
}
