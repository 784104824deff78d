package stomp_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// Headers by whose names a server, a protocol or eipd would do something stay behind,
// and do nothing. What is beside them arrives.
func TestHostile_Headers(t *testing.T) {
	orders := []string{
		"destination", "Destination", "receipt", "transaction", "id", "ack", "subscription", "selector", "message-id", "amqp-message-id", "content-length",
		"reply-to", "correlation-id", "expires", "expiration", "priority", "persistent", "type", "timestamp", "redelivered", "user-id", "cluster-id",
		"durable", "auto-delete", "exclusive", "prefetch-count", "transformation", "amq-msg-type", "client-id", "login", "passcode",
		"x-queue-name", "x-dead-letter-exchange", "x-expires", "X-Message-Ttl", "x-delay", "activemq.prefetchSize", "activemq.exclusive",
		"JMSXGroupID", "JMSXGroupSeq", "JMSXUserID", "JMSReplyTo", "JMSExpiration", "JMSDeliveryMode", "JMSPriority", "JMSCorrelationID", "JMSType",
		"JMSTimestamp", "JMSMessageID", "JMSRedelivered", "JMSDestination",
		"AMQ_SCHEDULED_DELAY", "AMQ_SCHEDULED_CRON", "AMQ_SCHEDULED_REPEAT", "AMQ_SCHEDULED_PERIOD", "CC", "BCC",
		"eip-id", "eip-key", "eip-types", "eip-sequence", "eip-expiration", "EIP-id", "a\x00b", "", "original-destination", "browser",
	}
	each(t, func(t *testing.T, name, raw string) {
		b := open(t, raw)
		t.Cleanup(func() { b.Close() })
		e, elsewhere := openEnds(t, b, queue(t, "q")), queue(t, "elsewhere")
		other := openEnds(t, b, elsewhere)
		for _, order := range append(orders, "plain") {
			for _, value := range []any{"1", "/queue/" + elsewhere.Address, elsewhere.Address, int64(60_000), "true", []any{elsewhere.Address}} {
				m := message("hostile", func(m *eip.Message) {
					m.ID, m.CorrelationID, m.Delivery, m.Headers = "the id", "the correlation", eip.Persistent, eip.Headers{order: value, "beside": "b"}
				})
				if err := send(t, e.to, m); err != nil {
					t.Fatalf("%q = %v: %v", order, value, err)
				}
				got := e.receive()
				if order != "plain" {
					m = m.Without(order)
				}
				same(t, m, got)
			}
		}
		if err := send(t, other.to, message("the only one", nil)); err != nil {
			t.Fatal(err)
		}
		if m := other.receive(); string(m.Body()) != "the only one" {
			t.Errorf("%+v came elsewhere", m)
		}
	})
}

// What would add a line to a frame is a part of the value that it is in.
func TestHostile_Injection(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		b := open(t, raw)
		t.Cleanup(func() { b.Close() })
		e := openEnds(t, b, queue(t, "q"))
		for _, evil := range []string{
			"a\ndestination:/queue/elsewhere", "a\r\nreceipt:1", "a\n\nbody\nSEND\ndestination:/queue/elsewhere", `a\ndestination:/queue/elsewhere`,
			"a\\", "\\c", "a:b", "\r", "\n", "a\r", "\u0085", "\u2028",
		} {
			m := message(evil, func(m *eip.Message) {
				m.ID, m.CorrelationID, m.Type, m.ContentType, m.Key, m.Delivery = evil, evil, evil, evil, evil, eip.Persistent
				m.Headers = eip.Headers{"h": evil, "h" + evil: "value", "list": []any{evil}}
			})
			if err := send(t, e.to, m); err != nil {
				t.Fatalf("%q: %v", evil, err)
			}
			same(t, m, e.receive())
		}
	})
}

// What STOMP cannot carry fails for good, alone, with an error that names it.
func TestHostile_NotCarried(t *testing.T) {
	deep := any("x")
	for range 1000 {
		deep = []any{deep}
	}
	for what, test := range map[string]struct {
		edit func(*eip.Message)
		want string
	}{
		"a NUL":                  {func(m *eip.Message) { m.CorrelationID = "a\x00b" }, "correlation-id"},
		"no text":                {func(m *eip.Message) { m.Type = "a\xff" }, "type"},
		"no text as key":         {func(m *eip.Message) { m.Key = "\xff" }, "eip-key"},
		"a name that is no text": {func(m *eip.Message) { m.Headers = eip.Headers{"a\xff": "b"} }, `"a\xff"`},
		"a name within":          {func(m *eip.Message) { m.Headers = eip.Headers{"a": eip.Headers{"\xff": 1}} }, "header a"},
		"a deep one":             {func(m *eip.Message) { m.Headers = eip.Headers{"a": deep} }, "nested"},
		"an unknown one":         {func(m *eip.Message) { m.Headers = eip.Headers{"a": struct{}{}} }, "struct"},
		"a long one":             {func(m *eip.Message) { m.Headers = eip.Headers{"a": strings.Repeat("x", 70<<10)} }, "bytes"},
		"long by escapes":        {func(m *eip.Message) { m.Headers = eip.Headers{"a": strings.Repeat(":", 40<<10)} }, "bytes"},
		"several addresses":      {func(m *eip.Message) { m.ReplyTo = "a,b" }, "Return Address"},
		"a topic":                {func(m *eip.Message) { m.ReplyTo = "/topic/a" }, "Return Address"},
	} {
		t.Run(what, func(t *testing.T) {
			each(t, func(t *testing.T, name, raw string) {
				b := open(t, raw)
				t.Cleanup(func() { b.Close() })
				e := openEnds(t, b, queue(t, "q"))
				failed := make(chan error, 1)
				good := make(chan error, 2)
				eip.Deliver(t.Context(), e.to, eip.New([]byte("before"), func(err error) { good <- err }))
				eip.Deliver(t.Context(), e.to, eip.New([]byte("bad"), func(err error) { failed <- err }).With(test.edit))
				eip.Deliver(t.Context(), e.to, eip.New([]byte("after"), func(err error) { good <- err }))
				if err := <-failed; !eip.IsPermanent(err) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("it fails with %v; want %s", err, test.want)
				}
				for _, want := range []string{"before", "after"} {
					if err := <-good; err != nil {
						t.Error(err)
					}
					if m := e.receive(); string(m.Body()) != want {
						t.Errorf("received %q", m.Body())
					}
				}
			})
		})
	}
}

// A Return Address that is no queue's, or several, is refused, and no reason for others
// to fail.
func TestHostile_ReturnAddresses(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		b := open(t, raw)
		t.Cleanup(func() { b.Close() })
		q := queue(t, "q")
		e := openEnds(t, b, q)
		hostile := []string{
			"", "a,b", "/queue/a,/queue/b", "/queue/a,b", "/queue/>", "/queue/*", "a?consumer.exclusive=true", "/topic/a", "/exchange/amq.topic/a", "/amq/queue",
			"/queue/", "/", "/dsub/a", "queue://a,b", "/queue/a\nreceipt:1", "/queue/a\x00", "/queue/ ", " a", "/durable-topic/x", strings.Repeat("a", 1000),
		}
		settled := make(chan error, len(hostile))
		for _, address := range hostile {
			m := eip.New([]byte("reply"), func(err error) { settled <- err })
			eip.Deliver(t.Context(), eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return b.SendTo(ctx, address, m) }), m)
			if err := <-settled; !eip.IsPermanent(err) || !strings.Contains(err.Error(), "Return Address") {
				t.Errorf("%q: %v", address, err)
			}
		}
		if err := send(t, to(b, q.Address), message("a good one", nil)); err != nil {
			t.Error(err)
		}
		if m := e.receive(); string(m.Body()) != "a good one" {
			t.Errorf("received %q", m.Body())
		}
	})
}

// to is who replies to an address.
func to(b broker.RequestReply, address string) eip.Handler {
	return eip.HandlerFunc(func(ctx context.Context, m *eip.Message) error { return b.SendTo(ctx, address, m) })
}

// What outsiders write into the headers that are eipd's own is read as far as it makes
// sense; what does not is an invalid message, which does not hinder the next.
func TestHostile_Types(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		b := open(t, raw)
		t.Cleanup(func() { b.Close() })
		q := queue(t, "q")
		e, outsider := openEnds(t, b, q), dial(t, raw)
		for _, test := range []struct {
			text, types string
			want        any // nil: invalid
		}{
			{"5", `{"h":"int32"}`, int32(5)},
			{"5", `{"h":"int33"}`, nil},
			{"300", `{"h":"int8"}`, nil},
			{"x", `{"h":"time"}`, nil},
			{"x", `{"h":"bytes"}`, nil},
			{"1/999", `{"h":"decimal"}`, nil},
			{"x", `{"h":5}`, nil},
			{"x", `{"h":null}`, nil},
			{"x", `{"other":"int8"}`, "x"},
			{"x", `{"eip-key":"int8","reply-to":"bytes","destination":"table"}`, "x"},
			{"x", `[]`, nil},
			{"x", `{`, nil},
			{"x", strings.Repeat("[", 5000), nil},
			{strings.Repeat("[", 4000) + strings.Repeat("]", 4000), `{"h":"list"}`, nil},
			{strings.Repeat(`{"table":`, 900), `{"h":"table"}`, nil},
			{`[{"int8":"1","int16":"2"}]`, `{"h":"list"}`, nil},
			{`[{"int8":1}]`, `{"h":"list"}`, nil},
			{`[1]`, `{"h":"list"}`, nil},
			{`[{"int8":"1"}]`, `{"h":"list"}`, []any{int8(1)}},
			{`[]`, `{"h":"list"}`, []any{}},
			{`{"a":{"table":{}}}`, `{"h":"table"}`, eip.Headers{"a": eip.Headers{}}},
		} {
			outsider.send("/queue/"+q.Address, "body", "h", test.text, "eip-types", test.types, "eip-sequence-id", "x", "eip-sequence-number", "-7", "eip-expiration", "x", "eip-priority", "999", "persistent", "true")
			m, err := e.source.Receive(t.Context())
			if test.want == nil && !eip.IsInvalid(err) || test.want != nil && (err != nil || !reflect.DeepEqual(m.Headers["h"], test.want)) {
				t.Errorf("%.60q as %.60q is %#v, %v; want %#v", test.text, test.types, m, err, test.want)
			}
			if m == nil {
				t.Fatal("an invalid message has no receipt")
			}
			if m.Sequence != (eip.Sequence{}) || m.Expiration != 0 || m.Priority != 0 {
				t.Errorf("nonsense became %+v", m)
			}
			eip.Deliver(t.Context(), eip.Discard, m)
		}
	})
}

// A message that a server refuses for its headers or fields fails alone; what can be is
// carried.
func TestHostile_Large(t *testing.T) {
	many := eip.Headers{}
	for i := range 1500 {
		many[fmt.Sprint("h", i)] = "x"
	}
	for what, edit := range map[string]func(*eip.Message){
		"many headers":      func(m *eip.Message) { m.Headers = many },
		"a long ID":         func(m *eip.Message) { m.ID = strings.Repeat("i", 3000) },
		"a long type":       func(m *eip.Message) { m.Type = strings.Repeat("t", 3000) },
		"a long name":       func(m *eip.Message) { m.Headers = eip.Headers{strings.Repeat("n", 3000): "x"} },
		"a long address":    func(m *eip.Message) { m.ReplyTo = strings.Repeat("r", 200) },
		"years to come":     func(m *eip.Message) { m.Timestamp = time.UnixMilli(1700000000000000).UTC() },
		"a year in headers": func(m *eip.Message) { m.Headers = eip.Headers{"t": time.Unix(1700000000000, 0).UTC()} },
		"before all years":  func(m *eip.Message) { m.Timestamp = time.Unix(-1e12, 0).UTC() },
		"for ever":          func(m *eip.Message) { m.Expiration = 290 * 365 * 24 * time.Hour },
		"not at all":        func(m *eip.Message) { m.Expiration = -1; m.Headers = eip.Headers{"dropped": true} },
	} {
		t.Run(what, func(t *testing.T) {
			each(t, func(t *testing.T, name, raw string) {
				b := open(t, raw)
				t.Cleanup(func() { b.Close() })
				e := openEnds(t, b, queue(t, "q"))
				m := message("large", func(m *eip.Message) { m.Delivery = eip.Persistent; edit(m) })
				err := send(t, e.to, m)
				if err != nil && !eip.IsPermanent(err) {
					t.Errorf("it fails with %v, as if it were to be tried again", err)
				}
				if err := send(t, e.to, message("next", nil)); err != nil {
					t.Error(err)
				}
				got := e.receive()
				if err == nil && string(got.Body()) == "large" {
					same(t, m, got)
					got = e.receive()
				}
				if string(got.Body()) != "next" {
					t.Errorf("received %q", got.Body())
				}
			})
		})
	}
}

// Who sends the mark by which an inbox finds out its address does nothing by it.
func TestHostile_Probes(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		b := open(t, raw)
		i, err := b.Inbox(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		address, outsider := i.Address(), dial(t, raw)
		if !strings.HasPrefix(address, "/") {
			address = "/queue/" + address
		}
		if name == "activemq" {
			for range 5 {
				outsider.send(address, "probe", "eip-inbox", "1")
			}
		}
		if err := send(t, to(b, i.Address()), message("reply", nil)); err != nil {
			t.Fatal(err)
		}
		if m := (ends{t: t, source: i.(broker.Source)}).receive(); string(m.Body()) != "reply" {
			t.Errorf("received %+v", m)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}
