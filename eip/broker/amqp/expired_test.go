package amqp_test

import (
	"context"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// What expires while it waits behind another message here goes where it would have
// gone in its queue, and is not begun.
func TestExpired(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, config(t, n.URL()))
	defer b.Close()
	in, dead := queue(t, "in"), queue(t, "dead")
	in.DeadLetter = dead.Address
	deadLetters, err := b.Source(t.Context(), dead, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	src, err := b.Source(t.Context(), in, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	first, goOn, last := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var begun []string
	f := &eip.Flow{Name: "f", Source: src, To: eip.HandlerFunc(func(_ context.Context, m *eip.Message) error {
		switch begun = append(begun, string(m.Body())); string(m.Body()) {
		case "1":
			close(first)
			<-goOn
		case "4":
			close(last)
		}
		return nil
	})}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	ch := n.Channel(t)
	publish := func(body, expiration string) {
		if err := ch.Publish("", in.Address, true, false, amqp091.Publishing{Body: []byte(body), Expiration: expiration}); err != nil {
			t.Fatal(err)
		}
	}
	publish("1", "")
	<-first
	publish("2", "10000") // which it is here for, before it expires
	publish("3", "600000")
	publish("4", "")
	until(t, "all are here", func() bool {
		q, err := n.Channel(t).QueueDeclarePassive(in.Address, true, false, false, false, nil)
		return err == nil && q.Messages == 0
	})
	all := time.Now()
	until(t, "one has expired", func() bool { return time.Since(all) > 10*time.Second })
	close(goOn)
	<-last
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(begun) != 3 || begun[1] != "3" {
		t.Errorf("begun: %v", begun)
	}
	if s, _ := f.Counts(); s.Expired != 1 || s.Dropped != 1 || s.Sent != 3 || s.Received != 4 {
		t.Errorf("counted %+v", s)
	}
	if m, err := deadLetters.Receive(t.Context()); err != nil || string(m.Body()) != "2" {
		t.Errorf("the queue's dead letter is %v, %v", m, err)
	}
}
