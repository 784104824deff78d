package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// The yardstick of these benchmarks is BenchmarkPlainBbolt: compare them in one
// run, as the disk's speed goes into all of them.

var kilobyte = bytes.Repeat([]byte("x"), 1024)

// limited yields n messages.
type limited struct{ n int }

func (s *limited) Receive(ctx context.Context) (*eip.Message, error) {
	if s.n == 0 {
		return nil, io.EOF
	}
	s.n--
	return eip.New(kilobyte, nil), nil
}

// count cancels when n messages have come.
type count struct {
	left   atomic.Int64
	cancel func()
}

func (c *count) Handle(context.Context, *eip.Message) error {
	if c.left.Add(-1) == 0 {
		c.cancel()
	}
	return nil
}

func benchBroker(b testing.TB) *Broker {
	b.Helper()
	e, err := Open(broker.Config{DataDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { e.Close() })
	return e
}

func queueNamed(name string) broker.Channel {
	return broker.Channel{Address: name, Durable: true, Declare: true}
}

func open(b testing.TB, e *Broker, c broker.Channel, s broker.Subscription) broker.Source {
	b.Helper()
	src, err := e.Source(b.Context(), c, s)
	if err != nil {
		b.Fatal(err)
	}
	return src
}

func send(b testing.TB, e *Broker, c broker.Channel) broker.Sender {
	b.Helper()
	s, err := e.Sender(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// run runs flows until the last of them has handed n messages to its sink.
func run(b *testing.B, n int, flows ...*eip.Flow) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	last := &count{cancel: cancel}
	last.left.Store(int64(n))
	flows[len(flows)-1].To = last
	done := make(chan error, len(flows))
	for _, f := range flows {
		go func() { done <- f.Run(ctx) }()
	}
	for range flows {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

// A message is sent to a queue by one flow, and taken from it by another one.
func BenchmarkFlow(b *testing.B) {
	e := benchBroker(b)
	q := queueNamed("q")
	b.ReportAllocs()
	b.ResetTimer()
	run(b, b.N,
		&eip.Flow{Name: "in", Source: &limited{b.N}, To: send(b, e, q)},
		&eip.Flow{Name: "out", Source: open(b, e, q, broker.Subscription{})})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// One hop more: from queue to queue.
func BenchmarkFlowTwoQueues(b *testing.B) {
	e := benchBroker(b)
	q, r := queueNamed("q"), queueNamed("r")
	b.ReportAllocs()
	b.ResetTimer()
	run(b, b.N,
		&eip.Flow{Name: "in", Source: &limited{b.N}, To: send(b, e, q)},
		&eip.Flow{Name: "hop", Source: open(b, e, q, broker.Subscription{}), To: send(b, e, r)},
		&eip.Flow{Name: "out", Source: open(b, e, r, broker.Subscription{})})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkPlainBbolt does what BenchmarkFlow needs done, and nothing else:
// batches of 64 are appended in one transaction, and read and deleted in the next.
func BenchmarkPlainBbolt(b *testing.B) {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "plain.db"), 0o600,
		&bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	name := []byte("q")
	update := func(f func(*bbolt.Bucket) error) {
		err := db.Update(func(tx *bbolt.Tx) error {
			q, err := tx.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			q.FillPercent = 1
			return f(q)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for n := 0; n < b.N; n += 64 {
		update(func(q *bbolt.Bucket) error {
			for i := n; i < n+64; i++ {
				if err := q.Put(binary.BigEndian.AppendUint64(nil, uint64(i)), kilobyte); err != nil {
					return err
				}
			}
			return nil
		})
		update(func(q *bbolt.Bucket) error {
			c := q.Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				if err := c.Delete(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
