package stomp_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// The words that servers understand: persistent is "true" and nothing else, expires is in
// milliseconds, and what an argument says is for SEND goes there alone.
func TestReport_Words(t *testing.T) {
	for on, expires := range map[string]string{activeMQ: "expires", rabbitMQ: "expiration"} {
		frames := make(chan *frame.Frame, 10)
		s := startFake(t, func(n int, p *peer) {
			p.login(on, "0,0")
			p.serve(func(f *frame.Frame) {
				if f.Command == "SEND" || f.Command == "SUBSCRIBE" {
					frames <- f
				}
			})
		})
		b := s.broker("")
		c := q
		c.TTL, c.Arguments = time.Minute, map[string]any{"amq-msg-type": "text", "selector": "a = 1", "activemq.priority": 5}
		to, err := b.Sender(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Source(t.Context(), c, broker.Subscription{}); err != nil {
			t.Fatal(err)
		}
		f := <-frames
		for name, want := range map[string]string{"amq-msg-type": "", "selector": "a = 1", "activemq.priority": "5", "ack": "client-individual", "prefetch-count": "1000", "activemq.prefetchSize": "1000"} {
			if got := f.Get(name); got != want {
				t.Errorf("%s of a %s is %q, want %q", name, f.Command, got, want)
			}
		}
		began := time.Now()
		if err := send(t, to, message("x", nil)); err != nil {
			t.Fatal(err)
		}
		f = <-frames
		for name, want := range map[string]string{"amq-msg-type": "text", "selector": "", "activemq.priority": "", "persistent": "true", "content-length": "1"} {
			if got := f.Get(name); got != want {
				t.Errorf("%s of a %s is %q, want %q", name, f.Command, got, want)
			}
		}
		at, err := strconv.ParseInt(f.Get(expires), 10, 64)
		if on == activeMQ {
			at -= began.UnixMilli()
		}
		if err != nil || at < 60_000 || at > 120_000 {
			t.Errorf("%s is %q", expires, f.Get(expires))
		}
		if err := send(t, to, message("x", func(m *eip.Message) { m.Delivery = eip.Transient })); err != nil {
			t.Fatal(err)
		}
		if f = <-frames; f.Get("persistent") != "" {
			t.Errorf("a transient message says persistent:%s", f.Get("persistent"))
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// However often connections are lost, each source and sender has one and no more.
func TestReport_OneConnection(t *testing.T) {
	var open, most atomic.Int64
	s := startFake(t, func(n int, p *peer) {
		for now := open.Add(1); now > most.Load(); {
			most.Store(now)
		}
		defer open.Add(-1)
		p.login(activeMQ, "0,0")
		for f := p.read(); f != nil; f = p.read() {
			p.receipt(f)
			switch {
			case f.Command == "SUBSCRIBE":
				p.deliver(n, fmt.Sprint(n))
			case f.Command == "ACK" && n < 100, f.Command == "COMMIT" && n%7 == 0:
				return
			}
		}
	})
	b := s.broker("")
	e, to := source(t, b, 10, 0), sender(t, b)
	for range 40 {
		e.receive()
		if err := send(t, to, message("x", nil)); err != nil {
			t.Error(err)
		}
	}
	if most.Load() > 3 { // one that ends is counted until its script has
		t.Errorf("there were %d connections at a time, of one source and one sender", most.Load())
	}
}
