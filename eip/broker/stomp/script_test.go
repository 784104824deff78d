package stomp_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

var q = broker.Channel{Address: "q", Durable: true, Declare: true}

func source(t testing.TB, b broker.Broker, prefetch int, bytes eip.Bytes) ends {
	t.Helper()
	src, err := b.Source(t.Context(), q, broker.Subscription{Prefetch: prefetch, PrefetchBytes: bytes})
	if err != nil {
		t.Fatal(err)
	}
	return ends{t: t, source: src}
}

func sender(t testing.TB, b broker.Broker) broker.Sender {
	t.Helper()
	s, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sendAll sends numbered messages, and returns what they settle with, in the order of that.
func sendAll(t testing.TB, to eip.Handler, n int) <-chan error {
	settled := make(chan error, n)
	for i := range n {
		eip.Deliver(t.Context(), to, eip.New(fmt.Append(nil, i), func(err error) { settled <- err }))
	}
	return settled
}

func allWell(t testing.TB, settled <-chan error) {
	t.Helper()
	for range cap(settled) {
		if err := <-settled; err != nil {
			t.Errorf("a message settled with %v", err)
		}
	}
}

// Receipts that come late, and in any order, settle their messages.
func TestScript_LateReceipts(t *testing.T) {
	s := startFake(t, func(n int, p *peer) {
		p.login(rabbitMQ, "0,0")
		var sends []*frame.Frame
		for range 10 {
			sends = append(sends, p.until("SEND"))
		}
		for i := range sends {
			p.receipt(sends[len(sends)-1-i])
		}
		p.serve(nil)
	})
	allWell(t, sendAll(t, sender(t, s.broker("")), 10))
}

// What has no receipt when the connection ends is sent again, in order: all of it, and
// nothing else.
func TestScript_NoReceipts(t *testing.T) {
	// ActiveMQ may get no more than four transactions, of a message each.
	for on, first := range map[string]int{rabbitMQ: 10, activeMQ: 4} {
		var again []string
		s := startFake(t, func(n int, p *peer) {
			p.login(on, "0,0")
			if n < 3 { // the second time, one comes at a time
				for range []int{0, first, 1}[n] {
					for f := p.read(); f != nil && f.Command != "SEND"; f = p.read() {
					}
				}
				return
			}
			p.serve(func(f *frame.Frame) {
				if f.Command == "SEND" {
					again = append(again, string(f.Body))
				}
			})
		})
		b := s.broker("")
		to := sender(t, b)
		allWell(t, sendAll(t, to, 10))
		if err := to.Close(); err != nil {
			t.Error(err)
		}
		if got := strings.Join(again, " "); got != "0 1 2 3 4 5 6 7 8 9" {
			t.Errorf("%s: sent again %s", on, got)
		}
	}
}

// An ERROR that names no message, after which the server leaves the connection open or
// closes it, makes no difference to what is right.
func TestScript_ErrorWithoutReceipt(t *testing.T) {
	for _, stays := range []bool{true, false} {
		for _, on := range []string{rabbitMQ, activeMQ} {
			var sent atomic.Int64
			s := startFake(t, func(n int, p *peer) {
				p.login(on, "0,0")
				for {
					f := p.read()
					if f == nil {
						return
					}
					if f.Command == "SEND" && string(f.Body) == "5" {
						sent.Add(1)
						p.write(frame.New("ERROR", "message", "out of patience"))
						if stays {
							p.serve(nil)
						}
						return
					}
					p.receipt(f)
				}
			})
			settled := sendAll(t, sender(t, s.broker("")), 10)
			bad := 0
			for range 10 {
				if err := <-settled; err != nil {
					if bad++; !strings.Contains(err.Error(), "out of patience") {
						t.Errorf("it failed with %v", err)
					}
				}
			}
			if bad != 1 {
				t.Errorf("%s: %d messages failed, want the one that the server does not take", on, bad)
			}
		}
	}
}

// A subscription that ends by an ERROR is made again, whether the server closes the
// connection or not.
func TestScript_SubscriptionEnds(t *testing.T) {
	s := startFake(t, func(n int, p *peer) {
		p.login(rabbitMQ, "0,0")
		p.receipt(p.until("SUBSCRIBE"))
		p.deliver(n, fmt.Sprint(n))
		p.until("ACK")
		p.write(frame.New("ERROR", "message", "the consumer was cancelled"))
		if n%2 == 0 {
			p.serve(nil)
		}
	})
	e := source(t, s.broker(""), 10, 0)
	for i := range 4 {
		if m := e.receive(); string(m.Body()) != fmt.Sprint(i+1) {
			t.Errorf("received %q", m.Body())
		}
	}
}

// What is cut off at any byte comes again, once and whole.
func TestScript_CutAnywhere(t *testing.T) {
	whole, err := messageFrame(1, "body\x00").Append(nil, frame.V12)
	if err != nil {
		t.Fatal(err)
	}
	s := startFake(t, func(n int, p *peer) {
		p.login(activeMQ, "0,0")
		p.receipt(p.until("SUBSCRIBE"))
		if n < len(whole) {
			_, _ = p.Write(whole[:n])
			return
		}
		_, _ = p.Write(whole)
		p.serve(nil)
	})
	e := source(t, s.broker(""), 10, 0)
	if m := e.receive(); string(m.Body()) != "body\x00" || m.ID != "m1" {
		t.Errorf("received %+v", m)
	}
}

// A server that has no idea of a prefetch, or that delivers before it answers, is
// slowed down, and loses nothing.
func TestScript_BeyondThePrefetch(t *testing.T) {
	for what, early := range map[string]bool{"after the receipt": false, "before the receipt": true} {
		t.Run(what, func(t *testing.T) {
			var acks atomic.Int64
			s := startFake(t, func(n int, p *peer) {
				p.login(rabbitMQ, "0,0")
				f := p.until("SUBSCRIBE")
				if f == nil {
					return
				}
				if f.Get("prefetch-count") == "0" || f.Get("activemq.prefetchSize") == "0" {
					t.Error("there is a prefetch of 0")
				}
				if !early {
					p.receipt(f)
				}
				p.running(func() {
					for i := range 100 {
						p.deliver(i, fmt.Sprint(i, strings.Repeat(".", 1000)))
					}
					if early {
						p.receipt(f)
					}
				})
				p.serve(func(f *frame.Frame) {
					if f.Command == "ACK" {
						acks.Add(1)
					}
				})
			})
			e := source(t, s.broker(""), 3, 2000)
			for i := range 100 {
				if m := e.receive(); !strings.HasPrefix(string(m.Body()), fmt.Sprint(i, ".")) {
					t.Fatalf("message %d is %.20q", i, m.Body())
				}
			}
			until(t, "all is acknowledged", func() bool { return acks.Load() == 100 })
		})
	}
}

// What is no STOMP, or cannot be any more, ends a connection, and the next is as good as
// ever.
func TestScript_Garbage(t *testing.T) {
	garbage := []func(p *peer){
		func(p *peer) { fmt.Fprint(p, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		func(p *peer) { fmt.Fprint(p, strings.Repeat("\x00", 1000)) },
		func(p *peer) { fmt.Fprint(p, "CONNECTED\nversion:1.2\n") },
		func(p *peer) { fmt.Fprint(p, "CONNECTED\nversion:9.9\n\n\x00") },
		func(p *peer) { fmt.Fprint(p, "CONNECTED\nno colon\n\n\x00") },
		func(p *peer) { p.write(frame.New("RECEIPT", "receipt-id", "1")) },
		func(p *peer) { p.write(frame.New("ERROR")) },
		func(p *peer) { p.endless("CONNECTED\na:") },
		func(p *peer) { p.endless("CONNECTED\na:b\n") },
		func(p *peer) { p.login(rabbitMQ, "x,y"); p.write(frame.New("CONNECTED")) },
		func(p *peer) { p.login(rabbitMQ, "99999999999999999999,-1"); p.write(frame.New("SEND")) },
		func(p *peer) { p.login(rabbitMQ, ""); p.endless("MESSAGE\na:") },
		func(p *peer) { p.login(rabbitMQ, "0,0"); fmt.Fprint(p, "MESSAGE\ncontent-length:9999999999999\n\n") },
		func(p *peer) { p.login(rabbitMQ, "0,0"); p.until("SUBSCRIBE"); p.write(frame.New("ERROR")) },
		func(p *peer) { p.login(rabbitMQ, "0,0"); p.until("SUBSCRIBE") },
		func(p *peer) { p.login(rabbitMQ, "0,0"); p.receipt(p.until("SUBSCRIBE")); fmt.Fprint(p, "garbage\n") },
		func(p *peer) {
			p.login(rabbitMQ, "0,0")
			p.receipt(p.until("SUBSCRIBE"))
			p.write(frame.New("RECEIPT"), frame.New("RECEIPT", "receipt-id", "77"))
			p.write(frame.New("ACK"))
		},
	}
	s := startFake(t, func(n int, p *peer) {
		if n <= len(garbage) {
			garbage[n-1](p)
			return
		}
		p.login(rabbitMQ, "0,0")
		p.receipt(p.until("SUBSCRIBE"))
		p.deliver(1, "good")
		p.serve(nil)
	})
	b := s.broker("")
	for {
		// What a server has against the subscription is for the caller to decide.
		src, err := b.Source(t.Context(), q, broker.Subscription{})
		var trouble *broker.Trouble
		if errors.As(err, &trouble) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		e := ends{t: t, source: src}
		if m := e.receive(); string(m.Body()) != "good" {
			t.Errorf("received %+v", m)
		}
		return
	}
}

// endless writes for ever.
func (p *peer) endless(text string) {
	_, err := fmt.Fprint(p, text)
	for part := []byte(strings.Repeat("x:x\n", 16<<10)); err == nil; {
		_, err = p.Write(part)
	}
}

// running runs f beside the script, until the connection ends.
func (p *peer) running(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	p.t.Cleanup(func() { <-done })
}
