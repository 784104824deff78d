package amqp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// A subscription gets of an exchange that is there what its type gives it.
func TestExchange(t *testing.T) {
	n := rabbit.Shared(t)
	ch := n.Channel(t)
	for name, test := range map[string]struct {
		kind, exchange string // "": one of the test's own
		s              broker.Subscription
		want           string
	}{
		"fanout":          {"fanout", "", broker.Subscription{}, "1 2 3"},
		"direct":          {"direct", "", broker.Subscription{Key: "a.b"}, "2"},
		"topic":           {"topic", "", broker.Subscription{Pattern: "a.*"}, "2 3"},
		"topic, all":      {"topic", "", broker.Subscription{}, "1 2 3"},
		"headers":         {"headers", "", broker.Subscription{Match: set{"n": int64(2), "kind": "even"}}, "2"},
		"headers, any":    {"headers", "", broker.Subscription{Match: set{"n": int64(1), "kind": "even", "x-match": "any"}}, "1 2"},
		"amq.topic":       {"topic", "amq.topic", broker.Subscription{Pattern: "*.c", Address: "exchange.mine"}, "3"},
		"amq.headers":     {"headers", "amq.headers", broker.Subscription{Match: set{"n": int64(3)}, Address: "exchange.mine"}, "3"},
		"with a quorum":   {"fanout", "", broker.Subscription{Durable: true, Arguments: set{"x-queue-type": "quorum"}}, "1 2 3"},
		"with a length":   {"fanout", "", broker.Subscription{Arguments: set{"x-max-length": int64(1)}}, "3"},
		"with an address": {"direct", "", broker.Subscription{Key: "a.c", Address: "exchange.mine", Durable: true}, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			exchange := test.exchange
			if exchange == "" {
				exchange = "exchange." + eip.NewID()
				if err := ch.ExchangeDeclare(exchange, test.kind, true, false, false, false, nil); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = ch.ExchangeDelete(exchange, false, false) }()
			}
			c := broker.Channel{Kind: broker.Topic, Address: exchange, Type: test.kind, Durable: true}
			s := test.s
			s.Name, s.Prefetch = "f", 1
			if err := transport(t).Check(c, &s); err != nil {
				t.Fatal(err)
			}
			b := open(t, config(t, n.URL()))
			defer b.Close()
			src, err := b.Source(t.Context(), c, s)
			if err != nil {
				t.Fatal(err)
			}
			queue := s.Address
			if queue == "" {
				queue = exchange + ".f"
			}
			defer func() { _, _ = n.Channel(t).QueueDelete(queue, false, false, false) }()
			if name == "with a length" { // which counts what waits only
				_ = src.Close()
				if _, err := ch.QueueDeclare(queue, false, true, false, false, amqp091.Table{"x-max-length": int32(1)}); err != nil {
					t.Fatal(err)
				}
				if err := ch.QueueBind(queue, "", exchange, false, nil); err != nil {
					t.Fatal(err)
				}
			}
			for i, key := range []string{"z", "a.b", "a.c"} {
				m := amqp091.Publishing{Body: []byte{byte('1' + i)}, Headers: amqp091.Table{"n": int32(i + 1), "kind": [2]string{"odd", "even"}[i%2]}}
				if err := ch.Publish(exchange, key, false, false, m); err != nil {
					t.Fatal(err)
				}
			}
			if name == "with a length" {
				if src, err = b.Source(t.Context(), c, s); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range strings.Fields(test.want) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				m, err := src.Receive(ctx)
				cancel()
				if err != nil || string(m.Body()) != want {
					t.Fatalf("got %v, %v; want %s", m, err, want)
				}
				eip.Deliver(t.Context(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return nil }), m)
			}
			if q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil); err != nil || q.Messages > 0 {
				t.Errorf("%d more came (%v)", q.Messages, err)
			}
		})
	}
}

// A queue that turns out to be a stream is refused, when it is read.
func TestStream(t *testing.T) {
	n := rabbit.Shared(t)
	ch := n.Channel(t)
	if _, err := ch.QueueDeclare("stream", true, false, false, false, amqp091.Table{"x-queue-type": "stream"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = n.Channel(t).QueueDelete("stream", false, false, false) })
	c := broker.Channel{Address: "stream", Durable: true}
	b := open(t, config(t, n.URL()))
	defer b.Close()
	if _, err := b.Source(t.Context(), c, broker.Subscription{}); !eip.IsPermanent(err) || !strings.Contains(err.Error(), "is a stream") {
		t.Errorf("reading it: %v", err)
	}
	s, err := b.Sender(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := eip.Await(t.Context(), s, eip.New([]byte("x"), nil)); err != nil {
		t.Errorf("sending to it: %v", err)
	}
	for read, want := range map[bool]broker.State{true: broker.Conflict, false: broker.Fits} {
		if f := planned(t, n.URL(), broker.Item{Channel: c, Read: read, Written: true})[0]; f.State != want || f.QueueType != "stream" {
			t.Errorf("read: %v: %+v", read, f)
		}
	}
}

// Everything that lasts and is declared has the broker's queue type, and nothing else.
func TestQueueType(t *testing.T) {
	n := rabbit.Shared(t)
	c := config(t, n.URL())
	c.QueueType = "quorum"
	b := open(t, c)
	defer b.Close()
	topic := broker.Channel{Kind: broker.Topic, Address: "typed.topic", Durable: true, Declare: true}
	queues := map[string]broker.Channel{
		"typed.queue":     {Address: "typed.queue", Durable: true, Declare: true},
		"typed.classic":   {Address: "typed.classic", Durable: true, Declare: true, Arguments: set{"x-queue-type": "classic"}},
		"typed.transient": {Address: "typed.transient", Declare: true},
	}
	for name, q := range queues {
		if _, err := b.Sender(t.Context(), q); err != nil {
			t.Fatal(name, err)
		}
		if _, err := b.Source(t.Context(), q, broker.Subscription{}); err != nil {
			t.Fatal(name, err)
		}
	}
	for _, durable := range []bool{true, false} {
		s := broker.Subscription{Name: map[bool]string{true: "lasts", false: "passes"}[durable], Durable: durable}
		if _, err := b.Source(t.Context(), topic, s); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"", "typed"} {
		if _, err := b.Inbox(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ch := n.Channel(t)
		_ = ch.ExchangeDelete("typed.topic", false, false)
		for _, q := range []string{"typed.queue", "typed.classic", "typed.transient", "typed.topic.lasts", broker.InboxAddress("typed")} {
			_, _ = ch.QueueDelete(q, false, false, false)
		}
	})
	for _, line := range strings.Split(n.Ctl(t, "list_queues", "name", "type"), "\n") {
		name, kind, _ := strings.Cut(line, "\t")
		if !strings.Contains(name, "typed") && !strings.Contains(name, "inbox") {
			continue
		}
		want := "classic"
		if name == "typed.queue" || name == "typed.topic.lasts" || name == broker.InboxAddress("typed") {
			want = "quorum"
		}
		if kind != want {
			t.Errorf("%s is %s, not %s", name, kind, want)
		}
	}
	for _, i := range []broker.Item{{Channel: queues["typed.queue"], Read: true}, {Channel: topic, Subscription: &broker.Subscription{Name: "lasts", Durable: true}}} {
		found, err := transport(t).Plan(t.Context(), c, []broker.Item{i})
		if err != nil || found[0].State != broker.Fits || found[0].QueueType != "quorum" {
			t.Errorf("%s: %+v, %v", i.Channel.Address, found, err)
		}
	}
}
