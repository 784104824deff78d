package stomp

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// FuzzReceive makes messages of anything that can come in a MESSAGE: there is no panic, what
// imitates eipd's own headers is gone, and what comes of it can be sent on, as it is or with
// an error that blames it. Sent on, it is the same.
func FuzzReceive(f *testing.F) {
	for _, head := range []string{
		"", "a:b", "eip-types:{\"h\":\"int8\"}\nh:5", "eip-types:{\"h\":\"table\"}\nh:{\"a\":{\"list\":[]}}", "eip-types:[\nh:x", "eip-sequence-number:1\neip-sequence-id:x\neip-sequence-outer:[[\"y\",1,2]]", "eip-timestamp:@9999999999999.000000001",
		"eip-timestamp:2006-01-02T15:04:05+07:00", "expires:1\nexpiration:5", "timestamp:99999999999999999", "reply-to:/queue/a,b", "reply-to:/reply-queue/a%2Fb", "reply-to:/remote-temp-queue/ID:1",
		"priority:999\neip-priority:3", "CC:x\nJMSReplyTo:x\nEIP-x:y", "correlation-id:1\ncorrelation-id:2", "eip-types:{\"h\":\"list\"}\nh:[{\"float64\":\"NaN\"},null,[true]]", "eip-expiration:-5",
	} {
		for on := range byte(2) {
			f.Add(head, []byte("body"), on)
		}
	}
	f.Fuzz(func(t *testing.T, head string, body []byte, which byte) {
		on := []server{activemq, rabbitmq}[which%2]
		m := heard(t, on, head, body)
		if m == nil {
			return
		}
		for name := range m.Headers {
			if isReserved(name) {
				t.Fatalf("%q has left the header %q", head, name)
			}
		}
		sent, err := on.send(m, "/queue/q", 0, time.Unix(1e9, 0))
		if err == nil {
			err = sent.Check(frame.V12)
		}
		if err != nil {
			return
		}
		sent.Command = "MESSAGE"
		text, err := sent.Append(nil, frame.V12)
		if err != nil {
			t.Fatal(err)
		}
		again, err := frame.NewReader(bytes.NewReader(text)).Read()
		if err != nil {
			t.Fatalf("%q was written as %q: %v", head, text, err)
		}
		next, err := on.receive(again, "q", nil)
		if err != nil {
			t.Fatalf("%q was sent on as %q, which is read as: %v", head, text, err)
		}
		if next.ID != m.ID || next.CorrelationID != m.CorrelationID || next.Type != m.Type || next.Key != m.Key || !reflect.DeepEqual(next.Sequence, m.Sequence) || len(next.Headers) != len(m.Headers) ||
			next.ReplyTo != m.ReplyTo || !next.Timestamp.Equal(m.Timestamp) || next.Priority != m.Priority || next.Delivery != m.Delivery || !bytes.Equal(next.Body(), m.Body()) {
			t.Fatalf("%q was\n%+v\nand became\n%+v", head, m, next)
		}
	})
}

// heard is the message of a frame with these lines; nil where there is none.
func heard(t *testing.T, on server, head string, body []byte) *eip.Message {
	if head != "" {
		head += "\n"
	}
	r := frame.NewReader(strings.NewReader("MESSAGE\n" + head + "\n" + string(body) + "\x00"))
	f, err := r.Read()
	if err != nil {
		return nil
	}
	m, err := on.receive(f, "q", nil)
	if m == nil {
		t.Fatalf("%q gives no message to settle: %v", head, err)
	}
	if err != nil {
		if !eip.IsInvalid(err) {
			t.Fatalf("%q is %v, and not invalid", head, err)
		}
		return nil
	}
	return m
}
