package stomp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// A RabbitMQ that cannot write does not read either, and takes its client for gone. So it
// gets back what does not fit, and is asked for less.
func TestLarge_FewerAtATime(t *testing.T) {
	body := func(n int) string { return fmt.Sprint(n, strings.Repeat(".", 1000)) }
	asked := make(chan string, 10)
	s := startFake(t, func(n int, p *peer) {
		p.login(rabbitMQ, "0,1000")
		f := p.until("SUBSCRIBE")
		if f == nil {
			return
		}
		asked <- f.Get("prefetch-count")
		p.receipt(f)
		for i := range 2 {
			p.deliver(2*n+i, body(2*n+i))
		}
		if n == 1 {
			p.running(func() {
				for i := range 20 {
					p.deliver(100+i, body(100+i))
				}
			})
		}
		p.serve(func(f *frame.Frame) {
			if f.Command == "ACK" && n == 2 && f.Get("id") == "a5" {
				p.deliver(6, body(6))
			}
		})
	})
	e := source(t, s.broker("heartbeat=1"), 50, 2000)
	if n := <-asked; n != "50" {
		t.Errorf("first it asks for %s", n)
	}
	for i := range 2 { // and nothing of it settles
		if m := e.take(); string(m.Body()) != body(2+i) {
			t.Errorf("received %.5q", m.Body())
		}
	}
	for i := range 3 {
		if m := e.receive(); string(m.Body()) != body(4+i) {
			t.Errorf("received %.5q", m.Body())
		}
	}
	if n := <-asked; n != "2" {
		t.Errorf("then it asks for %s", n)
	}
}
