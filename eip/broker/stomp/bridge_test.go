package stomp_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/rabbit"
)

// bridge runs a flow from one queue to another until the test ends.
func bridge(t *testing.T, from broker.Broker, in broker.Channel, to broker.Broker, out broker.Channel) {
	t.Helper()
	src, err := from.Source(t.Context(), in, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := to.Sender(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	f := &eip.Flow{Name: "bridge", Source: src, To: s}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		for _, err := range []error{<-ended, src.Close(), s.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// What a client of AMQP puts into headers that mean something to STOMP does nothing, on
// the way over both servers and back: the rest arrives, as far as RabbitMQ shows it.
func TestBridge_FromAMQP(t *testing.T) {
	n := rabbit.Shared(t)
	near, far := open(t, n.StompURL()), open(t, activemq.Shared(t).URL())
	t.Cleanup(func() { near.Close(); far.Close() })
	in, middle, out := queue(t, "in"), queue(t, "middle"), queue(t, "out")
	bridge(t, near, in, far, middle)
	bridge(t, far, middle, near, out)
	to, err := near.Sender(t.Context(), out) // has it declared
	if err != nil {
		t.Fatal(err)
	}
	if err := send(t, to, message("first", nil)); err != nil {
		t.Fatal(err)
	}
	ch := n.Channel(t)
	got, err := ch.Consume(out.Address, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-got
	for i, p := range []amqp091.Publishing{
		{Headers: amqp091.Table{"message-id": "m", "ack": "a", "destination": "/queue/elsewhere", "receipt": "r", "transaction": "t", "x-order": "1", "number": int32(5), "text": "a:b\n"}},
		{Headers: amqp091.Table{"subscription": "0", "content-length": "1", "reply-to": "/queue/a,b", "JMSReplyTo": "queue://a,b", "AMQ_SCHEDULED_DELAY": "60000", "text": "a:b\n", "number": int64(5)}},
		{Headers: amqp091.Table{"eip-key": "k", "redelivered": "true", "persistent": "false", "expires": "1", "correlation-id": "x", "type": "x", "priority": "9", "timestamp": "1", "app-id": "x", "text": "a:b\n", "number": int32(5)}},
	} {
		p.MessageId, p.CorrelationId, p.ReplyTo, p.Type, p.AppId, p.DeliveryMode = fmt.Sprint("id ", i), "c", "replies", "t", "a", amqp091.Persistent
		p.ContentType, p.Timestamp, p.Priority, p.Body = "text/plain", time.Unix(1e9, 0).UTC(), 3, []byte("body\x00\n")
		if err := ch.Publish("", in.Address, true, false, p); err != nil {
			t.Fatal(err)
		}
		select {
		case d := <-got:
			if d.CorrelationId != p.CorrelationId || d.Type != p.Type || d.AppId != p.AppId || d.ContentType != p.ContentType || d.Priority != p.Priority ||
				!d.Timestamp.Equal(p.Timestamp) || string(d.Body) != string(p.Body) || d.DeliveryMode != amqp091.Persistent || d.ReplyTo != p.ReplyTo {
				t.Errorf("message %d became %+v", i, d)
			}
			for name, v := range d.Headers {
				// The receipt and the length are the last SEND's own, which RabbitMQ shows.
				if !strings.HasPrefix(name, "eip-") && !slices.Contains([]string{"text", "number", "receipt", "content-length"}, name) {
					t.Errorf("message %d has the header %s = %v", i, name, v)
				}
			}
			if want := []any{"a:b\n", "5"}; !reflect.DeepEqual([]any{d.Headers["text"], d.Headers["number"]}, want) {
				t.Errorf("message %d has the headers %v", i, d.Headers)
			}
			if d.MessageId != p.MessageId {
				t.Errorf("message %d has the ID %q", i, d.MessageId)
			}
		case <-time.After(time.Minute):
			t.Fatalf("message %d did not come", i)
		}
	}
	if q, err := ch.QueueDeclarePassive("elsewhere", true, false, false, false, nil); err == nil {
		t.Errorf("there is a queue elsewhere, with %d messages", q.Messages)
	}
}

// What a client of AMQP cannot read never reaches one: its connection would end of it.
func TestBridge_ToAMQP(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, n.StompURL())
	t.Cleanup(func() { b.Close() })
	q := queue(t, "q")
	e := openEnds(t, b, q)
	if err := e.source.Close(); err != nil {
		t.Fatal(err)
	}
	ch := n.Channel(t)
	got, err := ch.Consume(q.Address, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 300)
	for i, edit := range []func(*eip.Message){
		func(m *eip.Message) { m.Type = long },
		func(m *eip.Message) { m.CorrelationID = long },
		func(m *eip.Message) { m.ContentType = long },
		func(m *eip.Message) { m.Headers = eip.Headers{long: "x"} },
	} {
		if err := send(t, e.to, message("bad", edit)); !eip.IsPermanent(err) {
			t.Errorf("message %d: %v", i, err)
		}
	}
	wide := eip.Headers{}
	for i := range 900 {
		wide[fmt.Sprint("h", i)] = strings.Repeat("x", 100)
	}
	for i, edit := range []func(*eip.Message){
		func(m *eip.Message) { m.ID = long },
		func(m *eip.Message) { m.Key = long },
		func(m *eip.Message) { m.Headers = wide },
		func(m *eip.Message) { m.Headers = eip.Headers{long[:255]: strings.Repeat("x", 50<<10)} },
	} {
		if err := send(t, e.to, message("good", edit)); err != nil {
			t.Errorf("message %d: %v", i, err)
		}
		if d := <-got; string(d.Body) != "good" {
			t.Fatalf("received %+v", d)
		}
	}
}

// A queue's name is the same for clients of STOMP and of AMQP, and a Return Address is
// one that either can reply to.
func TestBridge_Names(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, n.StompURL())
	t.Cleanup(func() { b.Close() })
	ch := n.Channel(t)
	for _, name := range []string{"a b", "a%b", "a%20b", "a/b", "/a", "ü", "a:b", `a\cb`, "a#b", "a+b", "\"a\"", "[a]"} {
		q := broker.Channel{Address: "names" + name + eip.NewID()[:6], Durable: true, Declare: true}
		e := openEnds(t, b, q)
		if _, err := ch.QueueDeclarePassive(q.Address, true, false, false, false, nil); err != nil {
			t.Fatalf("%q: %v", q.Address, err)
		}
		if err := send(t, e.to, message("stomp", func(m *eip.Message) { m.ReplyTo = q.Address })); err != nil {
			t.Errorf("%q: %v", q.Address, err)
		}
		if m := e.receive(); string(m.Body()) != "stomp" || m.ReplyTo != q.Address {
			t.Errorf("%q: received %+v", q.Address, m)
		}
		if err := ch.Publish("", q.Address, true, false, amqp091.Publishing{Body: []byte("amqp"), ReplyTo: q.Address}); err != nil {
			t.Fatal(err)
		}
		m := e.receive()
		if string(m.Body()) != "amqp" || m.ReplyTo != q.Address {
			t.Errorf("%q: received %+v", q.Address, m)
		}
		if err := m.Reply(t.Context(), message("reply", nil)); err != nil {
			t.Errorf("%q: %v", q.Address, err)
		}
		if m := e.receive(); string(m.Body()) != "reply" {
			t.Errorf("%q: received %+v", q.Address, m)
		}
		if err := e.source.Close(); err != nil {
			t.Error(err)
		}
	}
}
