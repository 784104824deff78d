package amqp_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

// bridge runs a flow from one queue to another until the test ends.
func bridge(t *testing.T, b broker.Broker, from, to broker.Channel) {
	t.Helper()
	src, err := b.Source(t.Context(), from, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.Sender(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	f := &eip.Flow{Name: "bridge", Source: src, To: out}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		for _, err := range []error{<-ended, src.Close(), out.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
}

func queue(t *testing.T, name string) broker.Channel {
	return broker.Channel{Address: strings.ReplaceAll(t.Name(), "/", ".") + "." + name + "." + eip.NewID()[:8], Durable: true, Declare: true}
}

// What one client sends, another gets, whatever it is: through a flow, every basic
// property and every kind of header value is as it was.
func TestMapping_Lossless(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, config(t, n.URL()))
	t.Cleanup(func() { b.Close() })
	in, out := queue(t, "in"), queue(t, "out")
	bridge(t, b, in, out)
	ch := n.Channel(t)
	got, err := ch.Consume(out.Address, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	for range 500 {
		p := g.publishing()
		if err := ch.Publish("", in.Address, true, false, p); err != nil {
			t.Fatal(err)
		}
		d := <-got
		was := amqp091.Publishing{Headers: d.Headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode,
			Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration, MessageId: d.MessageId,
			Timestamp: d.Timestamp, Type: d.Type, UserId: d.UserId, AppId: d.AppId, Body: d.Body}
		if len(p.Headers) == 0 {
			p.Headers = nil
		}
		if !p.Timestamp.Equal(was.Timestamp) {
			t.Fatalf("the timestamp %v became %v", p.Timestamp, was.Timestamp)
		}
		p.Timestamp, was.Timestamp = time.Time{}, time.Time{}
		if !reflect.DeepEqual(p, was) {
			t.Fatalf("the message\n%#v became\n%#v", p, was)
		}
	}
}

// What no reader of the client library takes arrives too: headers nested deeply,
// and very many.
func TestMapping_DeepAndWide(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, config(t, n.URL()))
	t.Cleanup(func() { b.Close() })
	q := queue(t, "q")
	src, err := b.Source(t.Context(), q, broker.Subscription{})
	if err != nil {
		t.Fatal(err)
	}
	deep := any(amqp091.Table{
		"nil": nil, "bool": true, "int8": int8(-8), "byte": byte(8), "int16": int16(-16), "uint16": uint16(16), "int32": int32(-32), "uint32": uint32(1 << 31),
		"int64": int64(math.MinInt64), "float32": float32(0.5), "float64": math.Pi, "text": "ü\x00", "bytes": []byte{0, 255}, "time": time.Unix(1e9, 0),
		"decimal": amqp091.Decimal{Scale: 3, Value: -7}, "list": []any{}, "table": amqp091.Table{},
	})
	for range 200 {
		deep = []any{amqp091.Table{"down": deep}}
	}
	wide := make([]any, 20_000)
	for i := range wide {
		wide[i] = i%2 == 0
	}
	for _, p := range []amqp091.Publishing{
		{Headers: amqp091.Table{"deep": deep}, MessageId: "1", ContentType: "text/plain", ContentEncoding: "identity", Body: []byte("deep")},
		{Headers: amqp091.Table{"wide": wide, "EIP-detour": true}, MessageId: "2", Body: bytes.Repeat([]byte("wide"), 100_000)},
		{Headers: amqp091.Table{"plain": "again"}, MessageId: "3"},
	} {
		if err := n.Channel(t).Publish("", q.Address, true, false, p); err != nil {
			t.Fatal(err)
		}
		m, err := src.Receive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := headers(p.Headers); !reflect.DeepEqual(m.Headers, want) || m.ID != p.MessageId || !bytes.Equal(m.Body(), p.Body) || m.ContentType != p.ContentType {
			t.Errorf("message %s became %.200v", p.MessageId, m)
		}
		eip.Deliver(t.Context(), eip.Discard, m)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

// headers are what a table becomes.
func headers(t amqp091.Table) eip.Headers {
	h := eip.Headers{}
	for name, v := range t {
		if name != "EIP-detour" {
			h[name] = value(v)
		}
	}
	return h
}

func value(v any) any {
	switch v := v.(type) {
	case amqp091.Table:
		return headers(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = value(v[i])
		}
		return list
	case amqp091.Decimal:
		return eip.Decimal{Scale: v.Scale, Value: v.Value}
	case time.Time:
		return v.UTC()
	}
	return v
}

// Clients of other makers, on both sides of a flow, find what they sent.
func TestMapping_ForeignClients(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, config(t, n.URL()))
	t.Cleanup(func() { b.Close() })
	url := strings.TrimSuffix(n.URL(), "/") // to some of them this is a vhost without a name
	for _, client := range []struct{ name, installed, program, script string }{
		{"pika", "/usr/lib/python3/dist-packages/pika", "/usr/bin/python3", "testdata/pika_client.py"},
		{"bunny", "/usr/share/doc/ruby-bunny", "/usr/bin/ruby", "testdata/bunny_client.rb"},
	} {
		t.Run(client.name, func(t *testing.T) {
			rabbit.Require(t, client.installed)
			in, out := queue(t, "in"), queue(t, "out")
			bridge(t, b, in, out)
			if text, err := exec.Command(client.program, client.script, url, in.Address, out.Address).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
	t.Run("amqp-tools", func(t *testing.T) {
		rabbit.Require(t, "/usr/bin/amqp-publish")
		in, out := queue(t, "in"), queue(t, "out")
		bridge(t, b, in, out)
		const body = "from\nthe command line"
		publish := exec.Command("amqp-publish", "--url", url, "-r", in.Address, "-C", "text/plain", "-H", "colour: blue")
		publish.Stdin = strings.NewReader(body)
		if text, err := publish.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		text, err := exec.Command("amqp-consume", "--url", url, "-q", out.Address, "-c", "1", "cat").Output()
		if err != nil || string(text) != body {
			t.Errorf("consumed %q, %v", text, err)
		}
	})
}

// generator makes messages at random.
type generator struct{ *rand.Rand }

func (g generator) publishing() amqp091.Publishing {
	p := amqp091.Publishing{
		ContentType: g.text(), ContentEncoding: g.text(), DeliveryMode: uint8(1 + g.IntN(2)), Priority: uint8(g.IntN(256)),
		CorrelationId: g.text(), ReplyTo: g.text(), MessageId: g.text(), Type: g.text(), AppId: g.text(), Body: g.bytes(3000), Headers: g.table(4),
	}
	if g.IntN(2) == 0 {
		p.Expiration = fmt.Sprint(60_000 + g.IntN(1<<30))
	}
	if g.IntN(2) == 0 {
		p.UserId = "guest"
	}
	if g.IntN(2) == 0 {
		p.Timestamp = time.Unix(g.Int64N(1<<36), 0)
	}
	return p
}

func (g generator) text() string {
	return string(g.bytes([]int{1, 10, 255}[g.IntN(3)]))
}

func (g generator) bytes(most int) []byte {
	b := make([]byte, g.IntN(most+1))
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

func (g generator) table(depth int) amqp091.Table {
	t := amqp091.Table{}
	for range g.IntN(6) {
		t[g.text()] = g.field(depth)
	}
	return t
}

func (g generator) field(depth int) any {
	kinds := 16
	if depth > 0 {
		kinds = 18
	}
	switch g.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return g.IntN(2) == 0
	case 2:
		return int8(g.Uint32())
	case 3:
		return byte(g.Uint32())
	case 4:
		return int16(g.Uint32())
	case 5:
		return uint16(g.Uint32())
	case 6:
		return int32(g.Uint32())
	case 7:
		return g.Uint32()
	case 8:
		return int64(g.Uint64())
	case 9:
		return float32(g.NormFloat64())
	case 10:
		return g.NormFloat64() * math.Pow(10, float64(g.IntN(600)-300))
	case 11:
		return g.text()
	case 12:
		return g.bytes(100)
	case 13:
		return time.Unix(g.Int64N(1<<36), 0)
	case 14:
		return amqp091.Decimal{Scale: uint8(g.Uint32()), Value: int32(g.Uint32())}
	case 15:
		return ""
	case 16:
		return g.table(depth - 1)
	}
	var list []any
	for range g.IntN(4) {
		list = append(list, g.field(depth-1))
	}
	return list
}
