package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// reader has a single source, as one of several processes.
type reader struct {
	broker broker.Broker
	src    broker.Source
	got    chan string
	done   sync.WaitGroup
}

// reads opens sources as a flow does, which stands by until it may take messages.
func reads(t *testing.T, b broker.Broker, sub broker.Subscription, from broker.Channel) *reader {
	r := &reader{broker: b, got: make(chan string, 100)}
	var trouble *broker.Trouble
	until(t, "it reads", func() bool {
		src, err := b.Source(t.Context(), from, sub)
		if err != nil && !(errors.As(err, &trouble) && trouble.Standby) {
			t.Fatal(err)
		}
		r.src = src
		return err == nil
	})
	r.done.Go(func() {
		for {
			m, err := r.src.Receive(context.Background())
			if err != nil {
				return
			}
			eip.Deliver(context.Background(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return nil }), m)
			r.got <- string(m.Body())
		}
	})
	return r
}

func (r *reader) close(t *testing.T) {
	if err := errors.Join(r.src.Close(), r.broker.Close()); err != nil {
		t.Error(err)
	}
	r.done.Wait()
}

func (r *reader) next(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-r.got:
		if got != want {
			t.Fatalf("it got %s, want %s", got, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("it did not get %s", want)
	}
}

// The lock is lost with the connection that consumes: another process takes over, and the
// first stands by when it is back, and takes over again.
func TestSingle_LostConnection(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	node := rabbit.Shared(t)
	proxy := netfault.Start(t, node.Address())
	q := queue(t, "q")
	q.Arguments = map[string]any{"x-queue-type": "quorum"}
	sub := broker.Subscription{Single: "eip.single." + t.Name()}
	a := reads(t, open(t, config(t, "amqp://guest:guest@"+proxy.Address()+"/?heartbeat=1")), sub, q)
	ch, n := node.Channel(t), 0
	send := func() string {
		n++
		body := fmt.Sprint(n)
		if err := ch.Publish("", q.Address, true, false, amqp091.Publishing{Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		return body
	}
	a.next(t, send())
	stands := func(b broker.Broker) bool {
		src, err := b.Source(t.Context(), q, sub)
		if err == nil {
			_ = src.Close()
		}
		trouble := new(broker.Trouble)
		return errors.As(err, &trouble) && trouble.Standby
	}
	other := open(t, config(t, node.URL()))
	if !stands(other) {
		t.Error("the second process does not stand by")
	}
	proxy.Hole()
	b := reads(t, other, sub, q)
	b.next(t, send())
	proxy.Open()
	until(t, "the first stands by", func() bool {
		trouble := a.src.(broker.Troubled).Trouble()
		return trouble != nil && trouble.Standby
	})
	for range 10 {
		b.next(t, send())
	}
	if len(a.got) > 0 {
		t.Error("the process that stands by got a message")
	}
	b.close(t)
	a.next(t, send())
	until(t, "nothing is the matter", func() bool { return a.src.(broker.Troubled).Trouble() == nil })
	a.close(t)
}
