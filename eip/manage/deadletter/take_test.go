package deadletter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/manage/deadletter"
)

// fill sends numbered messages of a size.
func fill(t *testing.T, q deadletter.Queue, n, size int) {
	t.Helper()
	s, err := q.On.Sender(t.Context(), q.Channel)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		body := append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte("."), size)...)
		eip.Deliver(t.Context(), s, eip.New(body, nil))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func numberIs(want int) func(*eip.Message) bool {
	return func(m *eip.Message) bool { return strings.HasPrefix(string(m.Body()), fmt.Sprint(want, " ")) }
}

// A letter behind thousands is reached in little memory, where the broker has them on
// disk, and these are where they were afterwards.
func TestTake_Deep(t *testing.T) {
	on, err := embedded.Open(broker.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	const n, size = 6000, 16 << 10
	q := deadletter.Queue{On: on, Channel: broker.Channel{Address: "dead", Durable: true, Declare: true}, Limit: -1}
	fill(t, q, n, size)
	taking, err := q.Take(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := taking.Next(t.Context(), numberIs(n-2))
	if err != nil {
		t.Fatal(err)
	}
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	if most := uint64(n * size / 3); memory.HeapAlloc > most {
		t.Errorf("%d bytes are in use, more than %d", memory.HeapAlloc, most)
	}
	if taking.Skipped() != n-2 {
		t.Errorf("%d were passed over", taking.Skipped())
	}
	eip.Deliver(t.Context(), eip.Discard, m)
	if _, err := taking.Next(t.Context(), numberIs(-1)); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last there is %v", err)
	}
	if err := taking.Close(); err != nil {
		t.Fatal(err)
	}
	src, err := on.Source(t.Context(), q.Channel, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if i == n-2 {
			continue
		}
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !numberIs(i)(m) || len(m.Body()) < size || !m.Redelivered {
			t.Fatalf("message %d is %.10s…, redelivered %v", i, m.Body(), m.Redelivered)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
	if err := errors.Join(src.Close(), on.Close()); err != nil {
		t.Error(err)
	}
}

// Where what is passed over is in memory, there is a bound to it, and nothing is lost.
func TestTake_TooDeep(t *testing.T) {
	on, err := memory.Open(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	q := deadletter.Queue{On: on, Channel: broker.Channel{Address: "dead", Declare: true}, Limit: -1}
	const n = 60
	fill(t, q, n, 1<<20)
	taking, err := q.Take(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := taking.Next(t.Context(), numberIs(n-1)); err == nil || !strings.Contains(err.Error(), "48 messages at the head") {
		t.Errorf("it reached the last: %v", err)
	}
	if err := taking.Close(); err != nil {
		t.Error(err)
	}
	depth := on.(broker.Deep).Depths(context.Background(), []broker.Item{{Channel: q.Channel}})[0]
	if depth.Messages != n {
		t.Errorf("%d are left", depth.Messages)
	}
	if err := on.Close(); err != nil {
		t.Error(err)
	}
}
