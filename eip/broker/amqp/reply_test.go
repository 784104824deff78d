package amqp_test

import (
	"context"
	"strings"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// asked is what a flow receives of a foreign client that asks on q, and takes
// replies at an address.
func asked(t *testing.T, ch *amqp091.Channel, src broker.Source, q broker.Channel, address string) *eip.Message {
	t.Helper()
	if err := ch.Publish("", q.Address, true, false, amqp091.Publishing{ReplyTo: address, CorrelationId: "7", Body: []byte("question")}); err != nil {
		t.Fatal(err)
	}
	m, err := src.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Foreign clients get their replies: those that take them without a queue, and
// those that have one to themselves.
func TestReply_ForeignClients(t *testing.T) {
	b := open(t, config(t, rabbit.Shared(t).URL()))
	defer b.Close()
	q := queue(t, "q")
	src, err := b.Source(t.Context(), q, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	ch := rabbit.Shared(t).Channel(t)
	own, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"amq.rabbitmq.reply-to", own.Name} {
		replies, err := ch.Consume(address, "", true, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := asked(t, ch, src, q, address)
		if err := m.Reply(t.Context(), eip.New([]byte("answer"), nil)); err != nil {
			t.Fatal(err)
		}
		if d := <-replies; string(d.Body) != "answer" || d.CorrelationId != "7" {
			t.Errorf("the reply at %s is %q, correlation %q", address, d.Body, d.CorrelationId)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
}

// A client that is gone, with the queue that it had to itself, gets nothing more;
// the reply fails for good, and alone.
func TestReply_ClientGone(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, config(t, n.URL()))
	defer b.Close()
	q := queue(t, "q")
	src, err := b.Source(t.Context(), q, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	conn := n.Dial(t)
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	own, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := asked(t, ch, src, q, own.Name)
	eip.Deliver(t.Context(), eip.Discard, m)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	gone := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return b.SendTo(ctx, own.Name, m) })
	if err := eip.Await(t.Context(), gone, eip.New([]byte("late"), nil)); !eip.IsPermanent(err) || !strings.Contains(err.Error(), "gave it back") {
		t.Errorf("a reply to nobody settles with %v", err)
	}
	// RabbitMQ 3 fails at what is no address of its own, and ends the connection.
	forged := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error {
		return b.SendTo(ctx, "amq.rabbitmq.reply-to.forged.address", m)
	})
	if err := eip.Await(t.Context(), forged, eip.New([]byte("late"), nil)); err != nil && !eip.IsGone(err) {
		t.Errorf("a reply to a forged address settles with %v", err)
	}
	there := eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return b.SendTo(ctx, q.Address, m) })
	if err := eip.Await(t.Context(), there, eip.New([]byte("another"), nil)); err != nil {
		t.Errorf("the next reply settles with %v", err)
	}
}
