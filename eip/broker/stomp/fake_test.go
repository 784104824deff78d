package stomp_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// A fake is a server that does what a script says, which is called with each connection
// and its number, from 1 on. When it returns, the connection is closed.
type fake struct {
	t        testing.TB
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	over  bool
}

// peer is the fake's end of a connection.
type peer struct {
	t testing.TB
	net.Conn
	reader *frame.Reader
}

// startFake starts a fake, which ends with the test, and nothing of the test's is left then.
func startFake(t testing.TB, script func(n int, p *peer)) *fake {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fake{t: t, listener: l}
	s.running.Go(func() {
		for n := 1; ; n++ {
			wire, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			if s.over {
				_ = wire.Close()
			}
			s.conns = append(s.conns, wire)
			s.mu.Unlock()
			s.running.Go(func() {
				defer wire.Close()
				script(n, &peer{t, wire, frame.NewReader(wire)})
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		s.over = true
		for _, c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.running.Wait()
	})
	return s
}

// broker opens a broker on the fake, which is closed with the test.
func (s *fake) broker(query string) broker.RequestReply {
	s.t.Helper()
	c := config(s.t, "stomp://user:secret@"+s.listener.Addr().String()+"?"+query)
	c.Reconnect.Min, c.Reconnect.Max = time.Millisecond, 5*time.Millisecond
	return openWith(s.t, c)
}

// openWith opens a broker, which is closed with the test.
func openWith(t testing.TB, c broker.Config) broker.RequestReply {
	t.Helper()
	b, err := stomp.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b.(broker.RequestReply)
}

// read returns the next frame; nil at the end.
func (p *peer) read() *frame.Frame {
	f, err := p.reader.Read()
	if err != nil {
		return nil
	}
	return f
}

// write writes frames; who is gone is noticed by reading.
func (p *peer) write(frames ...*frame.Frame) {
	for _, f := range frames {
		b, err := f.Append(nil, frame.V12)
		if err != nil {
			p.t.Error(err)
		}
		_, _ = p.Write(b)
	}
}

// login answers the CONNECT, which it returns. on is how the server calls itself.
func (p *peer) login(on, beats string) *frame.Frame {
	f := p.read()
	if f != nil {
		p.write(frame.New("CONNECTED", "version", "1.2", "server", on, "heart-beat", beats))
	}
	return f
}

// receipt answers a frame, if it asks for an answer.
func (p *peer) receipt(f *frame.Frame) {
	if id, ok := f.Lookup("receipt"); ok {
		p.write(frame.New("RECEIPT", "receipt-id", id))
	}
}

// until answers frames up to the one of a command, which it returns unanswered; nil where
// the connection ends before.
func (p *peer) until(command string) *frame.Frame {
	for {
		f := p.read()
		if f == nil || f.Command == command {
			return f
		}
		p.receipt(f)
	}
}

// serve answers everything, and calls see with it before; see may be nil.
func (p *peer) serve(see func(*frame.Frame)) {
	for {
		f := p.read()
		if f == nil {
			return
		}
		if see != nil {
			see(f)
		}
		p.receipt(f)
	}
}

// deliver writes a MESSAGE.
func (p *peer) deliver(n int, body string) { p.write(messageFrame(n, body)) }

func messageFrame(n int, body string) *frame.Frame {
	f := frame.New("MESSAGE", "subscription", "0", "destination", "/queue/q", "message-id", fmt.Sprint("m", n), "ack", fmt.Sprint("a", n), "persistent", "true")
	f.Body = []byte(body)
	return f
}

// The names of servers, as they say them.
const (
	rabbitMQ = "RabbitMQ/3.10.8"
	activeMQ = "ActiveMQ/5.17.2"
)
