package amqp_test

import (
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// A node closes the channel of a consumer that keeps a message for too long. What
// it kept comes again, and no more than that happens.
func TestFault_ConsumerTimeout(t *testing.T) {
	n := rabbit.Start(t, rabbit.Advanced("{consumer_timeout, 500}, {channel_tick_interval, 100}"))
	b := open(t, config(t, n.URL()))
	defer b.Close()
	q := queue(t, "q")
	src, err := b.Source(t.Context(), q, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	to, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"1", "2"} {
		if err := eip.Await(t.Context(), to, eip.New([]byte(text), nil)); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := src.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	release := kept.Hold()
	eip.Deliver(t.Context(), eip.Discard, kept)
	seen := map[string]int{}
	for seen["1"] == 0 || seen["2"] == 0 { // 2 may have come before the timeout too
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen[string(m.Body())]++
		if string(m.Body()) == "1" && !m.Redelivered {
			t.Error("the message that was kept does not say that it came before")
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
	release(nil) // too late to mean anything
	ch := n.Channel(t)
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	left, err := ch.QueueDeclarePassive(q.Address, true, false, false, false, nil)
	if err != nil || left.Messages != 0 {
		t.Errorf("the queue has %d messages, %v", left.Messages, err)
	}
}
