package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/internal/settle"
)

// onDisk says which queues have messages in the file, and how many.
func onDisk(t *testing.T, b *Broker, queues ...string) string {
	t.Helper()
	var all []string
	_ = b.store.db.View(func(tx *bbolt.Tx) error {
		for _, name := range queues {
			for key, l := range b.store.logs {
				if key.address != name {
					continue
				}
				if n := tx.Bucket(l.bucket).Stats().KeyN; n > 0 {
					all = append(all, fmt.Sprint(name, " ", n))
				}
			}
		}
		return nil
	})
	return strings.Join(all, ", ")
}

// joining is a hop from the queue in to the queue out of one file.
type joining struct {
	*testing.T
	*Broker
	out, other broker.Sender
	flow       *eip.Flow
}

// transactions writes some, of a message that has nothing to do with the hop.
func (j *joining) transactions() {
	for range 8 {
		if err := eip.Await(j.Context(), j.other, eip.New(nil, nil)); err != nil {
			j.Error(err)
		}
	}
}

// is demands what is on disk.
func (j *joining) is(when, want string) {
	j.Helper()
	if got := onDisk(j.T, j.Broker, "in", "out", "second"); got != want {
		j.Errorf("%s there is %q on disk, want %q", when, got, want)
	}
}

func handler(f func(ctx context.Context, m *eip.Message) error) eip.Handler {
	return eip.HandlerFunc(f)
}

// However long a call takes to return after it has sent a message to another queue of the
// file, that message is not there before the one that it was made of is gone. What may be
// waited for is not held back.
func TestJoin_WaitsForTheCall(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(j *joining)
		left string // on disk
		ends settle.End
	}{
		"SlowSender": {func(j *joining) {
			j.flow.To = handler(func(ctx context.Context, m *eip.Message) error {
				err := j.out.Handle(ctx, m)
				j.transactions()
				j.is("before the call returns", "in 1")
				return err
			})
		}, "out 1", settle.Done},
		"TwoQueues": {func(j *joining) {
			second := send(j.T, j.Broker, queueNamed("second"))
			j.flow.To = handler(func(ctx context.Context, m *eip.Message) error {
				err := j.out.Handle(ctx, m)
				j.transactions()
				err = errors.Join(err, second.Handle(ctx, m))
				j.transactions()
				j.is("before the call returns", "in 1")
				return err
			})
		}, "out 1, second 1", settle.Done},
		"AnotherStageFollows": {func(j *joining) {
			j.flow.Stages = []eip.Stage{
				eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
					return errors.Join(j.out.Handle(ctx, m), next.Handle(ctx, m))
				}),
				eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
					j.transactions()
					j.is("when another stage may wait", "in 1, out 1")
					return nil
				})}
		}, "out 1", settle.Done},
		"AForkIsWaitedFor": {func(j *joining) {
			j.flow.To = handler(func(ctx context.Context, m *eip.Message) error {
				return errors.Join(j.out.Handle(ctx, m), eip.Await(ctx, handler(func(context.Context, *eip.Message) error {
					j.transactions()
					j.is("when a fork is waited for", "in 1, out 1")
					return nil
				}), m))
			})
		}, "out 1", settle.Done},
		"HeldOn": {func(j *joining) {
			j.flow.To = handler(func(ctx context.Context, m *eip.Message) error {
				release := m.Hold()
				go func() {
					for onDisk(j.T, j.Broker, "out") == "" {
						j.transactions()
					}
					j.is("while it is held", "in 1, out 1")
					release(nil)
				}()
				return j.out.Handle(ctx, m)
			})
		}, "out 1", settle.Done},
		"HeldByAnotherSender": {func(j *joining) {
			j.flow.To = handler(func(ctx context.Context, m *eip.Message) error {
				err := j.out.Handle(ctx, m)
				release := m.Hold()
				j.transactions()
				j.is("while another sender waits", "in 1, out 1")
				release(nil)
				return err
			})
		}, "out 1", settle.Done},
		"Fails": {func(j *joining) {
			j.flow.To = handler(func(ctx context.Context, m *eip.Message) error {
				return errors.Join(j.out.Handle(ctx, m), eip.Permanent(errors.New("odd")))
			})
		}, "out 1", settle.Failed},
		"Resumed": {func(j *joining) {
			j.flow.Stages = []eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				release := m.Hold()
				go func() { release(next.Handle(ctx, m)) }() // as a stage does that knows nothing of this
				return nil
			})}
			j.flow.To = j.out
		}, "out 1", settle.Done},
		"TooMuch": {func(j *joining) {
			j.flow.To = handler(func(ctx context.Context, m *eip.Message) (err error) {
				for range 40 {
					err = errors.Join(err, j.out.Handle(ctx, m.WithBody(make([]byte, 1<<20))))
				}
				j.transactions()
				if onDisk(j.T, j.Broker, "out") == "" {
					j.Error("all of 40 MiB are in memory")
				}
				return err
			})
		}, "out 40", settle.Done},
	} {
		t.Run(name, func(t *testing.T) {
			b := benchBroker(t)
			j := &joining{T: t, Broker: b, out: send(t, b, queueNamed("out")), other: send(t, b, queueNamed("other"))}
			if err := eip.Await(t.Context(), send(t, b, queueNamed("in")), eip.New([]byte("x"), nil)); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan settle.End, 1)
			j.flow = &eip.Flow{Name: "f", Source: open(t, b, queueNamed("in"), broker.Subscription{}), DeadLetter: eip.Discard}
			c.set(j)
			j.flow.Stages = append([]eip.Stage{eip.StageFunc(func(ctx context.Context, m *eip.Message, next eip.Handler) error {
				settle.Ended(m, func(end settle.End) { ended <- end })
				return next.Handle(ctx, m)
			})}, j.flow.Stages...)
			done := make(chan error, 1)
			go func() { done <- j.flow.Run(ctx) }()
			if end := <-ended; end != c.ends {
				t.Errorf("the message ended with %v, want %v", end, c.ends)
			}
			j.transactions() // of which one has what settles
			j.is("at the end", c.left)
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// A call that has not returned when the broker closes has sent nothing: its message stays where
// it was.
func TestJoin_ClosedBeforeTheCallReturns(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	out := send(t, b, queueNamed("out"))
	if err := eip.Await(t.Context(), send(t, b, queueNamed("in")), eip.New([]byte("x"), nil)); err != nil {
		t.Fatal(err)
	}
	m, err := open(t, b, queueNamed("in"), broker.Subscription{}).Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eip.Deliver(t.Context(), handler(func(ctx context.Context, m *eip.Message) error {
		return errors.Join(out.Handle(ctx, m), b.Close())
	}), m)
	b, err = Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if got := onDisk(t, b, "in", "out"); got != "in 1" {
		t.Errorf("there is %q on disk", got)
	}
}

// A call that waits for room in another queue holds back nothing that makes it.
func TestJoin_WaitsForRoom(t *testing.T) {
	b := benchBroker(t)
	j := &joining{T: t, Broker: b, out: send(t, b, queueNamed("out")), other: send(t, b, queueNamed("other"))}
	inMemory := broker.Channel{Address: "full", Declare: true}
	full, reader := send(t, b, inMemory), open(t, b, inMemory, broker.Subscription{})
	for range 10_000 { // as many as have room
		eip.Deliver(t.Context(), full, eip.New(nil, nil))
	}
	if err := eip.Await(t.Context(), send(t, b, queueNamed("in")), eip.New(nil, nil)); err != nil {
		t.Fatal(err)
	}
	m, err := open(t, b, queueNamed("in"), broker.Subscription{}).Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() {
		for onDisk(t, b, "out") == "" {
			j.transactions()
		}
		m, err := reader.Receive(t.Context())
		if err == nil {
			eip.Deliver(t.Context(), eip.Discard, m)
		}
		read <- err
	}()
	eip.Deliver(t.Context(), eip.Multicast{j.out, full}, m)
	if err := <-read; err != nil {
		t.Error(err)
	}
}
