package amqp

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"reflect"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// FuzzTable delivers any bytes as the header table of a message, through the client
// library: the connection stays, and the message comes with the headers that the
// table holds, or with an error where it holds none.
func FuzzTable(f *testing.F) {
	deep := []byte{}
	for range 200 { // a list in a list, for ever
		deep = append(binary.BigEndian.AppendUint32([]byte{'A'}, uint32(len(deep))), deep...)
	}
	for _, table := range [][]byte{
		{}, {0}, {1, 'a', 'V'}, {1, 'a', 't', 1}, {1, 'a', 'S', 0, 0, 0, 1, 'b'}, {1, 'a', 'S', 0xff, 0xff, 0xff, 0xff},
		{1, 'a', 'I', 0, 0, 0, 1, 1, 'b', 'l', 0, 0, 0, 0, 0, 0, 0, 1}, {1, 'a', 'L', 0, 0, 0, 0, 0, 0, 0, 1}, {1, 'a', 'U', 0, 1}, {1, 'a', 'u', 0, 1},
		{1, 'a', 'D', 3, 0, 0, 0, 1}, {1, 'a', 'T', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {1, 'a', 'Z'}, {255, 'a', 'V'},
		{1, 'a', 'F', 0, 0, 0, 3, 1, 'b', 'V'}, {1, 'a', 'F', 0, 0, 0, 9, 1, 'b', 'V'}, {1, 'a', 'x', 0, 0, 0, 2, 0, 255}, {1, 'a', 'A', 0, 0, 0, 1, 'V'},
		{1, 'a', 'f', 0x7f, 0xc0, 0, 0}, {0, 'V', 0, 'V'}, append([]byte{1, 'a'}, deep...),
	} {
		f.Add(table)
	}
	server := newDeliverer(f)
	f.Fuzz(func(t *testing.T, table []byte) {
		if len(table) > maxFrame-1000 {
			return
		}
		d := server.deliver(t, table)
		m, err := receive(&d, "q", nil)
		want, bad := decodeTable(table)
		if (err != nil) != (bad != nil) {
			t.Fatalf("the table % x gave %v, and decoding it %v", table, err, bad)
		}
		if bad == nil && len(want) > 0 && len(m.Headers) > 0 && !sameHeaders(m.Headers, want.FromOutside()) {
			t.Fatalf("the table % x became\n%#v, and holds\n%#v", table, m.Headers, want)
		}
	})
}

// sameHeaders compares headers; what is not a number is not equal to itself.
func sameHeaders(a, b any) bool {
	return reflect.DeepEqual(a, b) || reflect.DeepEqual(nan(a), nan(b))
}

func nan(v any) any {
	switch v := v.(type) {
	case float32:
		if v != v {
			return "NaN"
		}
	case float64:
		if v != v {
			return "NaN"
		}
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = nan(e)
		}
		return list
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Map {
		m := map[string]any{}
		for _, k := range r.MapKeys() {
			m[k.String()] = nan(r.MapIndex(k).Interface())
		}
		return m
	}
	return v
}

// deliverer is a server that does no more than hand over messages to one consumer.
type deliverer struct {
	mu   sync.Mutex
	wire net.Conn
	got  <-chan amqp.Delivery
	lost chan *amqp.Error
}

func newDeliverer(f *testing.F) *deliverer {
	client, server := net.Pipe()
	s := &deliverer{wire: server, lost: make(chan *amqp.Error, 1)}
	go s.agree()
	conn, err := amqp.Open(gather(client), amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{}}, Heartbeat: time.Hour})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = client.Close(); _ = server.Close() })
	conn.NotifyClose(s.lost)
	ch, err := conn.Channel()
	if err != nil {
		f.Fatal(err)
	}
	if s.got, err = ch.Consume("q", "c", true, false, false, false, nil); err != nil {
		f.Fatal(err)
	}
	return s
}

// agree answers each method that waits for an answer with one that says yes.
func (s *deliverer) agree() {
	answers := map[[2]uint16][]byte{ // of class and method
		{10, 11}: {0, 10, 0, 30, 0, 0, 0, 2, 0, 0, 0, 0}, // start-ok: tune
		{10, 40}: {0, 10, 0, 41, 0},
		{20, 10}: {0, 20, 0, 11, 0, 0, 0, 0},
		{60, 20}: {0, 60, 0, 21, 1, 'c'},
	}
	r := bufio.NewReader(s.wire)
	if _, err := r.Discard(8); err != nil { // the protocol header
		return
	}
	s.frame(1, 0, append([]byte{0, 10, 0, 10, 0, 9, 0, 0, 0, 0, 0, 0, 0, 5}, "PLAIN\x00\x00\x00\x05en_US"...))
	for {
		var head [7]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(r, payload); err != nil {
			return
		}
		if head[0] == 1 {
			if a := answers[[2]uint16{binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:])}]; a != nil {
				s.frame(1, binary.BigEndian.Uint16(head[1:]), a)
			}
		}
	}
}

func (s *deliverer) frame(kind byte, channel uint16, payload []byte) {
	b := binary.BigEndian.AppendUint16([]byte{kind}, channel)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(payload))), payload...)
	_, _ = s.wire.Write(append(b, 0xce)) // who is gone is noticed by who waits for it
}

// deliver hands over a message without a body.
func (s *deliverer) deliver(t *testing.T, table []byte) amqp.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frame(1, 1, []byte{0, 60, 0, 60, 1, 'c', 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 'q'})
	header := append([]byte{0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1<<5, 0) // headers and nothing else
	header = append(binary.BigEndian.AppendUint32(header, uint32(len(table))), table...)
	s.frame(2, 1, header)
	select {
	case d := <-s.got:
		return d
	case err := <-s.lost:
		t.Fatalf("the table % x ended the connection: %v", table, err)
	case <-time.After(30 * time.Second):
		t.Fatalf("the table % x was not delivered", table)
	}
	return amqp.Delivery{}
}
