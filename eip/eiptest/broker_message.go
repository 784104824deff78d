package eiptest

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// full is a message with all its fields set. The fields are found by reflection, so
// that a new one is not forgotten.
func (t *brokerTest) full() *eip.Message {
	at := time.Date(2003, 10, 10, 12, 30, 15, 0, time.UTC)
	return eip.New([]byte{0, 0xff, '\n', 0xfe}, nil).With(func(m *eip.Message) {
		v := reflect.ValueOf(m).Elem()
		for i := range v.NumField() {
			f, name := v.Field(i), v.Type().Field(i).Name
			switch {
			case !v.Type().Field(i).IsExported():
			case name == "Headers":
				m.Headers = eip.Headers{"name": "value", "empty": ""}
			case name == "ContentType":
				m.ContentType = "application/x-eiptest"
			case name == "ReplyTo":
				m.ReplyTo = t.address("replies")
			case f.Type() == reflect.TypeFor[time.Time]():
				f.Set(reflect.ValueOf(at))
			case f.Type() == reflect.TypeFor[time.Duration]():
				f.SetInt(int64(time.Hour))
			case f.Type() == reflect.TypeFor[eip.Sequence]():
				m.Sequence = eip.Sequence{ID: "seq", Number: 2, Size: 3, Outer: &eip.Sequence{ID: "out\"er", Number: 4, Size: 5, Outer: &eip.Sequence{ID: "ü", Number: 6}}}
			case f.Type() == reflect.TypeFor[eip.DeliveryMode]():
				m.Delivery = eip.Transient
			case f.Kind() == reflect.String:
				f.SetString("the " + name + " \"ü\"")
			case f.Kind() == reflect.Bool:
				f.SetBool(true)
			case f.CanUint():
				f.SetUint(7)
			default:
				t.Fatalf("the suite does not know the message's field %s", name)
			}
		}
	})
}

// through sends m through a queue.
func (t *brokerTest) through(m *eip.Message) *eip.Message {
	t.Helper()
	q := t.queue("q")
	s := t.sender(q)
	t.mustBeNil("send", t.sent(s, m))
	src := t.source(q, broker.Subscription{})
	got := t.take(src)
	if got.Channel != q.Address {
		t.Errorf("the message says that it is from %q, and is from %q", got.Channel, q.Address)
	}
	t.close(src)
	t.close(s)
	return got
}

// unchanged checks that what was sent as m, and is got, is the same.
func (t *brokerTest) unchanged(m, got *eip.Message) {
	t.Helper()
	if !bytes.Equal(got.Body(), m.Body()) {
		t.Errorf("the body %x became %x", m.Body(), got.Body())
	}
	was, is := reflect.ValueOf(m).Elem(), reflect.ValueOf(got).Elem()
	for i := range was.NumField() {
		f := was.Type().Field(i)
		if !f.IsExported() || f.Name == "Channel" || f.Name == "Redelivered" || f.Name == "Copies" || f.Name == "Status" || slices.Contains(t.Loses, f.Name) {
			continue
		}
		if !same(was.Field(i).Interface(), is.Field(i).Interface()) {
			t.Errorf("%s: %v became %v", f.Name, was.Field(i), is.Field(i))
		}
	}
}

var messageTests = map[string]func(*brokerTest){
	"Message/Fields": func(t *brokerTest) {
		m := t.full()
		got := t.through(m)
		t.unchanged(m, got)
		if got.Redelivered {
			t.Error("Redelivered was taken over from the sender")
		}
		if got.Copies {
			t.Error("Copies was taken over from the sender: another flow would send them again")
		}
		if got.Status {
			t.Error("Status was taken over from the sender: another flow would answer with it")
		}
		if (got.Replier() != nil) != t.can.RequestReply {
			t.Errorf("a message with a return address has the replier %v, and the broker says of replies %v", got.Replier(), t.can.RequestReply)
		}
	},

	"Message/Headers": func(t *brokerTest) {
		h := eip.Headers{
			"nil": nil, "true": true, "false": false, "string": "a\x00b\r\n:ü", "bytes": []byte{0, 1, 0xff}, "empty": []byte{},
			"int": 1 << 40, "int8": int8(math.MinInt8), "int16": int16(math.MinInt16), "int32": int32(math.MinInt32), "int64": int64(math.MinInt64),
			"uint": uint(1 << 40), "uint8": uint8(math.MaxUint8), "uint16": uint16(math.MaxUint16), "uint32": uint32(math.MaxUint32), "uint64": uint64(math.MaxInt64),
			"float32": float32(math.Pi), "float64": math.Pi, "infinite": math.Inf(-1),
			"time":    time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
			"decimal": eip.Decimal{Scale: 2, Value: -12345},
			"table":   eip.Headers{"in": eip.Headers{"deep": []any{int64(1), "two", nil, eip.Headers{}}}},
			"list":    []any{true, int32(7), []any{}, []byte("x")},
		}
		deep := any("bottom")
		for range 100 {
			deep = eip.Headers{"down": []any{deep}}
		}
		h["deep"] = deep
		for _, name := range t.Loses {
			delete(h, strings.TrimPrefix(name, "headers."))
		}
		got := t.through(eip.New(nil, nil).With(func(m *eip.Message) { m.Headers = h })).Headers
		var changed []string
		for name, v := range h {
			if !same(v, got[name]) {
				changed = append(changed, name)
			}
		}
		for _, name := range changed {
			t.Errorf("header %s: %T %v became %T %v", name, h[name], h[name], got[name], got[name])
		}
	},

	"Message/NothingSet": func(t *brokerTest) {
		got := t.through(eip.New(nil, nil))
		if len(got.Body()) != 0 || got.ID != "" || got.ContentType != "" || len(got.Headers) != 0 || !got.Timestamp.IsZero() || got.Replier() != nil {
			t.Errorf("a message with nothing set became %+v", got)
		}
	},

	"Message/Large": func(t *brokerTest) {
		body := make([]byte, 16<<20)
		if most := int(t.can.LargestBody); most > 0 {
			body = body[:min(len(body), most)]
		}
		for i := range body {
			body[i] = byte(i * 7 >> 3)
		}
		if got := t.through(eip.New(body, nil)); !bytes.Equal(got.Body(), body) {
			t.Errorf("a body of %d bytes became another one of %d", len(body), len(got.Body()))
		}
	},

	"Message/Address": func(t *brokerTest) {
		// Addresses are names and nothing else.
		q := broker.Channel{Address: t.address("with space. ../ü%2F'\""), Durable: true, Declare: true}
		if t.check(q, nil) != nil {
			t.Skip("the broker refuses such addresses")
		}
		t.sendTo(q, "1")
		src := t.source(q, broker.Subscription{})
		t.expect(src, "1")
		t.close(src)
	},

	"Message/Topic": func(t *brokerTest) {
		topic := t.topic("t")
		src := t.source(topic, broker.Subscription{Name: t.address("s")})
		t.sendTo(topic, strings.Repeat("x", 100_000))
		if m := t.take(src); m.Channel != topic.Address || len(m.Body()) != 100_000 {
			t.Errorf("received %d bytes from %q", len(m.Body()), m.Channel)
		}
		t.close(src)
	},
}

// same compares header values and fields: times by the instant and the offset, and
// nothing with nothing.
func same(a, b any) bool {
	switch a := a.(type) {
	case time.Time:
		b, ok := b.(time.Time)
		_, x := a.Zone()
		_, y := b.Zone()
		return ok && a.Equal(b) && x == y
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case eip.Headers:
		b, ok := b.(eip.Headers)
		if !ok || len(a) != len(b) {
			return false
		}
		for name := range a {
			if v, there := b[name]; !there || !same(a[name], v) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case int: // no broker knows integers without a size
		return a == b || int64(a) == b
	case uint:
		return a == b || int64(a) == b
	case uint64:
		return a == b || int64(a) == b
	}
	return reflect.DeepEqual(a, b)
}
