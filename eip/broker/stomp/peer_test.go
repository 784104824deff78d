package stomp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// What a server is told when it is logged in to: CONNECT is not escaped.
func TestPeer_Login(t *testing.T) {
	logins := make(chan *frame.Frame, 1)
	s := startFake(t, func(n int, p *peer) {
		logins <- p.login(rabbitMQ, "0,0")
		p.serve(nil)
	})
	c := config(t, "stomp://a%3Ab:a%3Ab%5Cc@"+s.listener.Addr().String()+"?vhost=v:w")
	b := openWith(t, c)
	sender(t, b)
	f := <-logins
	for name, want := range map[string]string{"login": "a:b", "passcode": `a:b\c`, "host": "v:w", "accept-version": "1.0,1.1,1.2", "heart-beat": "5000,5000"} {
		if got := f.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// A server that accepts and says nothing more is given up for the next, and does not keep
// anything from closing.
func TestPeer_NeverConnected(t *testing.T) {
	accepted := make(chan bool, 100)
	silent := startFake(t, func(n int, p *peer) {
		accepted <- true
		p.read()
		_, _ = p.Write([]byte("CONNEC"))
		p.read()
	})
	b := silent.broker("")
	done := make(chan error, 1)
	go func() {
		_, err := b.Sender(context.Background(), q)
		done <- err
	}()
	<-accepted
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, eip.ErrClosed) {
		t.Errorf("a sender on nothing says %v", err)
	}
	good := startFake(t, func(n int, p *peer) { p.login(rabbitMQ, "0,0"); p.serve(nil) })
	c := config(t, "stomp://"+silent.listener.Addr().String()+"?connection_timeout=50")
	c.URLs = []string{"stomp://" + good.listener.Addr().String()}
	b2 := openWith(t, c)
	allWell(t, sendAll(t, sender(t, b2), 3))
}

// A client-id that another connection has is trouble that ends with that one.
func TestPeer_ClientIDTaken(t *testing.T) {
	s := startFake(t, func(n int, p *peer) {
		if n < 3 {
			p.read()
			p.write(frame.New("ERROR", "message", "Broker: test - Client: eipd-t-f already connected from tcp://127.0.0.1:1"))
			return
		}
		p.login(activeMQ, "0,0")
		p.receipt(p.until("SUBSCRIBE"))
		p.deliver(n, "mine")
		if n > 3 {
			p.serve(nil)
		}
	})
	b := s.broker("")
	topic := broker.Channel{Kind: broker.Topic, Address: "t", Durable: true}
	for range 2 {
		_, err := b.Source(t.Context(), topic, broker.Subscription{Name: "f", Durable: true})
		var trouble *broker.Trouble
		if !errors.As(err, &trouble) || trouble.Refused || !strings.Contains(err.Error(), "another") {
			t.Fatalf("a name that is taken: %v", err)
		}
	}
	src, err := b.Source(t.Context(), topic, broker.Subscription{Name: "f", Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "it has its name again", func() bool {
		m := (ends{t: t, source: src}).take()
		return m.ID == "m4"
	})
}

// Half a connection is none.
func TestPeer_HalfClosed(t *testing.T) {
	var done sync.WaitGroup
	done.Add(3)
	s := startFake(t, func(n int, p *peer) {
		p.login(rabbitMQ, "0,0")
		if n > 3 {
			p.serve(nil)
			return
		}
		_ = p.Conn.(*net.TCPConn).CloseWrite()
		for p.read() != nil {
		}
		done.Done()
	})
	to := sender(t, s.broker(""))
	done.Wait()
	allWell(t, sendAll(t, to, 3))
}

// One destination that the server has something against stops no other.
func TestPeer_OneBadDestination(t *testing.T) {
	s := startFake(t, func(n int, p *peer) {
		p.login(activeMQ, "0,0")
		for f := p.read(); f != nil; f = p.read() {
			if strings.Contains(f.Get("destination"), "bad") {
				p.write(frame.New("ERROR", "message", "User user is not authorized to write to: queue://bad", "receipt-id", f.Get("receipt")))
				continue
			}
			p.receipt(f)
			if f.Command == "SUBSCRIBE" {
				p.deliver(1, "good")
			}
		}
	})
	b := s.broker("")
	bad := broker.Channel{Address: "bad", Durable: true}
	var trouble *broker.Trouble
	if _, err := b.Source(t.Context(), bad, broker.Subscription{}); !errors.As(err, &trouble) || !trouble.Refused {
		t.Errorf("a source of what is refused: %v", err)
	}
	wrong, err := b.Sender(t.Context(), bad)
	if err != nil {
		t.Fatal(err)
	}
	sendAll(t, wrong, 3)
	until(t, "it says so", func() bool {
		trouble := wrong.(broker.Troubled).Trouble()
		return trouble != nil && trouble.Refused
	})
	// Return Addresses share a sender, and fail one by one.
	direct := make(chan error, 20)
	for i := range 20 {
		address := "q"
		if i%5 == 2 {
			address = "bad"
		}
		eip.Deliver(t.Context(), to(b, address), eip.New(nil, func(err error) { direct <- err }))
	}
	failed := 0
	for range 20 {
		if err := <-direct; err != nil {
			if failed++; !eip.IsPermanent(err) {
				t.Errorf("a reply to what is refused: %v", err)
			}
		}
	}
	if failed != 4 {
		t.Errorf("%d replies failed, want 4", failed)
	}
	allWell(t, sendAll(t, sender(t, b), 3))
	if m := source(t, b, 10, 0).receive(); string(m.Body()) != "good" {
		t.Errorf("received %q", m.Body())
	}
}

// What settles after its connection is lost is not acknowledged on the next one; what
// fails is neither acknowledged nor refused: it comes again.
func TestPeer_Acknowledgements(t *testing.T) {
	var mu sync.Mutex
	var acks []string
	cut := make(chan bool)
	s := startFake(t, func(n int, p *peer) {
		p.login(activeMQ, "0,0")
		p.receipt(p.until("SUBSCRIBE"))
		f := messageFrame(1, "body")
		f.Headers[3].Value = fmt.Sprint("connection ", n)
		p.write(f)
		if n == 1 {
			<-cut
			return
		}
		p.serve(func(f *frame.Frame) {
			mu.Lock()
			acks = append(acks, f.Command+" "+f.Get("id"))
			mu.Unlock()
		})
	})
	b := s.broker("")
	e := source(t, b, 10, 0)
	old := e.take()
	close(cut)
	second := e.take()
	eip.Deliver(t.Context(), eip.Discard, old)
	eip.Deliver(t.Context(), eip.HandlerFunc(func(context.Context, *eip.Message) error { return errors.New("not yet") }), second)
	third := e.take()
	if !third.Redelivered {
		t.Error("what comes again does not say so")
	}
	eip.Deliver(t.Context(), eip.Discard, third)
	if err := e.source.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(acks, ", "); got != "ACK connection 2, DISCONNECT " {
		t.Errorf("the server is told %s", got)
	}
}

// Heart-beats are a connection's own: those of the second are like those of the first. A
// server without patience has no reason to complain, and one that falls silent is left.
func TestPeer_Beats(t *testing.T) {
	beaten := make(chan bool, 2)
	s := startFake(t, func(n int, p *peer) {
		p.login(rabbitMQ, "1000,1000")
		one := make([]byte, 1)
		for range 2 {
			if _, err := p.Read(one); err != nil || one[0] != '\n' {
				t.Errorf("connection %d: read %q, %v", n, one, err)
			}
		}
		beaten <- true
		p.read()
	})
	b := s.broker("heartbeat=1")
	sender(t, b)
	<-beaten
	<-beaten
}

func TestPeer_TLS(t *testing.T) {
	example := httptest.NewTLSServer(nil) // for its certificate
	example.Close()
	s := startFake(t, func(n int, p *peer) {
		secure := tls.Server(p.Conn, &tls.Config{Certificates: example.TLS.Certificates})
		p.Conn, p.reader = secure, frame.NewReader(secure)
		p.login(rabbitMQ, "0,0")
		p.serve(nil)
	})
	c := config(t, "stomps://"+s.listener.Addr().String())
	roots := x509.NewCertPool()
	roots.AddCert(example.Certificate())
	c.TLS = &tls.Config{RootCAs: roots}
	b := openWith(t, c)
	allWell(t, sendAll(t, sender(t, b), 3))
	c.TLS = nil
	distrusts := openWith(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _, _ = distrusts.Sender(ctx, q) }()
	until(t, "it says why", func() bool { return strings.Contains(distrusts.Status().Waiting, "TLS: ") })
}

// Nobody answers when it closes: that takes a moment, and no more.
func TestPeer_CloseUnanswered(t *testing.T) {
	s := startFake(t, func(n int, p *peer) {
		p.login(rabbitMQ, "0,0")
		p.receipt(p.until("SUBSCRIBE"))
		for i := range 50 {
			p.deliver(i, "x")
		}
		for p.read() != nil {
		}
	})
	e := source(t, s.broker(""), 5, 10)
	e.take()
	if err := e.source.Close(); err != nil {
		t.Error(err)
	}
	if _, err := e.source.Receive(t.Context()); !errors.Is(err, eip.ErrClosed) {
		t.Errorf("a closed source says %v", err)
	}
}
