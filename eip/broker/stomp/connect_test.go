package stomp_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// What keeps it from connecting is said, without the password, and waited for.
func TestConnect_WrongThenRight(t *testing.T) {
	n := rabbit.Shared(t)
	user := "user" + eip.NewID()[:8]
	b := openWith(t, config(t, as(t, n.StompURL(), user, "secret")))
	done := make(chan error, 1)
	c := queue(t, "q")
	go func() {
		_, err := b.Sender(t.Context(), c)
		done <- err
	}()
	until(t, "it says why it waits", func() bool { return strings.Contains(b.Status().Waiting, "Access refused for user") })
	if s := b.Status(); s.Connected || strings.Contains(s.URL+s.Waiting, "secret") {
		t.Errorf("the status is %+v", s)
	}
	n.Ctl(t, "add_user", user, "secret")
	n.Ctl(t, "set_permissions", user, ".*", ".*", ".*")
	if err := <-done; err != nil {
		t.Error(err)
	}
	until(t, "the status says so", func() bool { return b.Status().Connected })
}

// A server that is not there yet is waited for, as long as the caller waits.
func TestConnect_AbsentAtStart(t *testing.T) {
	const absent = "127.0.0.1:1"
	c := config(t, "stomp://"+absent)
	b := openWith(t, c)
	for what, opening := range map[string]func(context.Context) error{
		"source": func(ctx context.Context) error { _, err := b.Source(ctx, q, broker.Subscription{}); return err },
		"sender": func(ctx context.Context) error { _, err := b.Sender(ctx, q); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		opened := make(chan error, 1)
		go func() { opened <- opening(ctx) }()
		until(t, "it waits", func() bool { return strings.Contains(b.Status().Waiting, "connection refused") })
		cancel()
		if err := <-opened; !errors.Is(err, context.Canceled) {
			t.Errorf("a %s that gave up waiting says %v", what, err)
		}
	}
	each(t, func(t *testing.T, name, raw string) { // with the absent one named first
		c := config(t, "stomp://"+absent)
		c.URLs = []string{raw}
		allWell(t, sendAll(t, sender(t, openWith(t, c)), 2))
	})
}

func TestConnect_ClosedMeanwhile(t *testing.T) {
	netfault.ClosedMeanwhile(t, func() broker.RequestReply { return openWith(t, config(t, "stomp://127.0.0.1:1")) }, queue(t, "q"))
}

// A sender that is closed, and loses its connection before all is confirmed, is nothing that
// the broker waits for.
func TestConnect_LostWhileClosing(t *testing.T) {
	over := make(chan struct{})
	server := startFake(t, func(n int, p *peer) {
		if n > 1 {
			return // nobody gets in any more
		}
		p.login("ActiveMQ/6", "0,0")
		<-over
	})
	b := server.broker("")
	to, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	settled := sendAll(t, to, 1)
	closed := make(chan error, 1)
	go func() { closed <- to.Close() }()
	until(t, "it closes", func() bool { return stomp.Users(b) == 0 })
	close(over)
	if err := <-closed; err == nil || <-settled == nil {
		t.Errorf("what was never confirmed is: %v", err)
	}
	if s := b.Status(); !s.Connected {
		t.Errorf("the broker waits: %s", s.Waiting)
	}
}

func TestConnect_Ping(t *testing.T) {
	_, transport, err := broker.Lookup("stomp://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	ping := transport.Ping
	each(t, func(t *testing.T, name, raw string) {
		if about, err := ping(t.Context(), config(t, raw)); err != nil || !strings.Contains(strings.ToLower(about), name+"/") || !strings.HasSuffix(about, "STOMP 1.2") {
			t.Errorf("%q, %v", about, err)
		}
		if _, err := ping(t.Context(), config(t, as(t, raw, "wrong", "secret"))); err == nil || !strings.HasPrefix(err.Error(), "login: ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("a wrong user: %v", err)
		}
	})
	web := startFake(t, func(n int, p *peer) { _, _ = p.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) })
	for raw, want := range map[string]string{
		"stomp://127.0.0.1:1": "TCP: ", "stomp://no.such.host.invalid": "name: ", "stomp://" + web.listener.Addr().String(): "STOMP: log in: this is no STOMP",
	} {
		if _, err := ping(t.Context(), config(t, raw)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}

// Whatever is under way while everything closes and the network fails, each message is
// settled once, and nothing is left behind.
func TestConnect_CloseMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, name, raw string) {
		login, address, _ := strings.Cut(raw, "@")
		network := netfault.Start(t, address)
		leaks := goleak.IgnoreCurrent()
		c := config(t, login+"@"+network.Address())
		opened, err := stomp.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		b := opened.(broker.RequestReply)
		own := queue(t, "q")
		e := openEnds(t, b, own)
		var senders, receivers sync.WaitGroup
		var sent, settled atomic.Int64
		for i := range 8 {
			handler := eip.Handler(e.to)
			if i%2 == 0 {
				handler = to(b, own.Address)
			}
			senders.Go(func() {
				for {
					var once atomic.Bool
					sent.Add(1)
					over := make(chan error, 1)
					eip.Deliver(context.Background(), handler, eip.New([]byte("x"), func(err error) {
						if once.Swap(true) {
							t.Error("a message was settled twice")
						}
						settled.Add(1)
						over <- err
					}))
					if errors.Is(<-over, eip.ErrClosed) {
						return
					}
				}
			})
		}
		receivers.Go(func() {
			for {
				m, err := e.source.Receive(context.Background())
				if err != nil {
					return
				}
				eip.Deliver(context.Background(), eip.Discard, m)
			}
		})
		for _, n := range []int64{100, 200, 300} {
			until(t, "messages are settled", func() bool { return settled.Load() >= n })
			network.Cut()
		}
		if err := b.Close(); err != nil && !strings.Contains(err.Error(), "were not confirmed") {
			t.Error(err)
		}
		senders.Wait()
		receivers.Wait()
		if sent.Load() != settled.Load() {
			t.Errorf("%d messages were sent, and %d settled", sent.Load(), settled.Load())
		}
		goleak.VerifyNone(t, leaks)
	})
}
