package amqp_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/netfault"
	"github.com/eipd/eipd/internal/rabbit"
)

// usable reports in time whether a broker can be used; where it cannot, the test
// wants to know what it waits for.
func usable(t *testing.T, b broker.Broker) chan error {
	t.Helper()
	done := make(chan error, 1)
	q := queue(t, "q")
	go func() {
		s, err := b.Sender(t.Context(), q)
		if err == nil {
			err = s.Close()
		}
		done <- err
	}()
	return done
}

func waitsFor(t *testing.T, b broker.Broker, text string) {
	t.Helper()
	until(t, "it waits because of "+text, func() bool { return strings.Contains(b.Status().Waiting, text) })
	if strings.Contains(b.Status().URL+b.Status().Waiting, "secret") {
		t.Errorf("the status tells the password: %+v", b.Status())
	}
}

func TestConnect_ClosedMeanwhile(t *testing.T) {
	netfault.ClosedMeanwhile(t, func() broker.RequestReply { return open(t, config(t, "amqp://127.0.0.1:1")) }, queue(t, "q"))
}

// What keeps it from connecting is said, and waited for.
func TestConnect_WrongThenRight(t *testing.T) {
	n := rabbit.Shared(t)
	user, vhost := "user"+eip.NewID()[:8], "vhost"+eip.NewID()[:8]
	u, err := url.Parse(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User, u.Path = url.UserPassword(user, "secret"), "/"+vhost
	b := open(t, config(t, u.String()))
	done := usable(t, b)
	waitsFor(t, b, "login or permission refused")
	n.Ctl(t, "add_user", user, "secret")
	waitsFor(t, b, "vhost refused")
	n.Ctl(t, "add_vhost", vhost)
	n.Ctl(t, "set_permissions", "-p", vhost, user, ".*", ".*", ".*")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// Permissions that are revoked while messages flow hold them back, and no more.
func TestConnect_PermissionRevoked(t *testing.T) {
	n := rabbit.Shared(t)
	user := "user" + eip.NewID()[:8]
	n.Ctl(t, "add_user", user, "secret")
	n.Ctl(t, "set_permissions", user, ".*", ".*", ".*")
	b := open(t, config(t, strings.Replace(n.URL(), "guest:guest", user+":secret", 1)))
	defer b.Close()
	q := queue(t, "q")
	s, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	settled := make(chan error, 1)
	send := func(text string) {
		eip.Deliver(t.Context(), s, eip.New([]byte(text), func(err error) { settled <- err }))
	}
	send("1")
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	n.Ctl(t, "clear_permissions", user)
	n.Ctl(t, "close_all_user_connections", user, "revoked") // else the node remembers for a while
	send("2")
	select {
	case err := <-settled:
		t.Fatalf("the message settled with %v while nobody could send", err)
	default:
	}
	n.Ctl(t, "set_permissions", user, ".*", ".*", ".*")
	if err := <-settled; err != nil {
		t.Errorf("the message settled with %v", err)
	}
}

func TestConnect_TLS(t *testing.T) {
	n := rabbit.Shared(t)
	ca, err := os.ReadFile(n.File("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client, err := tls.LoadX509KeyPair(n.File("client.pem"), n.File("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		config  *tls.Config
		waiting string // "": it connects
	}{
		"authority":          {&tls.Config{RootCAs: roots}, ""},
		"client certificate": {&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{client}}, ""},
		"server name":        {&tls.Config{RootCAs: roots, ServerName: "localhost"}, ""},
		"unknown authority":  {nil, "TLS: "},
		"another server":     {&tls.Config{RootCAs: roots, ServerName: "elsewhere"}, "not elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, n.TLSURL())
			c.TLS = test.config
			b := open(t, c)
			done := usable(t, b)
			if test.waiting != "" {
				waitsFor(t, b, test.waiting)
			} else if err := <-done; err != nil {
				t.Error(err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Of several nodes, the first that can be reached is used.
func TestConnect_SeveralNodes(t *testing.T) {
	n := rabbit.Shared(t)
	c := config(t, "amqp://guest:guest@127.0.0.1:1/")
	c.URLs = []string{n.URL()}
	b := open(t, c)
	if err := <-usable(t, b); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// silence listens, accepts and says nothing.
func silence(t *testing.T) (address string, accepted <-chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	conns := make(chan net.Conn, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			select {
			case conns <- conn:
			default:
			}
		}
	}()
	return l.Addr().String(), conns
}

// A node that accepts and says nothing does not keep anything from closing.
func TestConnect_Silence(t *testing.T) {
	address, accepted := silence(t)
	b := open(t, config(t, "amqp://guest:guest@"+address+"/"))
	done := usable(t, b)
	<-accepted
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, eip.ErrClosed) {
		t.Errorf("a sender on nothing says %v", err)
	}
}

// A node that is silent is given up for the next one.
func TestConnect_SilentThenNext(t *testing.T) {
	address, _ := silence(t)
	c := config(t, "amqp://guest:guest@"+address+"/?connection_timeout=200")
	c.URLs = []string{rabbit.Shared(t).URL()}
	b := open(t, c)
	if err := <-usable(t, b); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// A declaration that does not fit what is there names both sides.
func TestDeclare_Conflict(t *testing.T) {
	n := rabbit.Shared(t)
	b := open(t, config(t, n.URL()))
	defer b.Close()
	q := queue(t, "q")
	ch := n.Channel(t)
	if _, err := ch.QueueDeclare(q.Address, true, false, false, false, amqp091.Table{"x-max-length": int32(5)}); err != nil {
		t.Fatal(err)
	}
	other := q
	other.Durable = false
	other.Arguments = map[string]any{"x-max-length": int64(5)}
	limited := q
	limited.MaxLength = 7
	typed := q
	typed.Arguments = map[string]any{"x-max-length": int64(5), "x-queue-type": "quorum"}
	topic := queue(t, "t")
	if err := ch.ExchangeDeclare(topic.Address, "fanout", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	topic.Kind = broker.Topic
	for _, test := range []struct {
		broker.Channel
		parts []string
	}{
		{other, []string{"queue " + q.Address, "differs in durable: the flow file says false, the broker has true;", "declare = false"}},
		{limited, []string{"differs in x-max-length: the flow file says 7, the broker has 5;"}},
		{q, []string{"differs in x-max-length: the flow file says none, the broker has 5;"}},
		{typed, []string{"differs in x-queue-type: the flow file says quorum, the broker has none;"}},
		{topic, []string{"topic " + topic.Address, "differs in type: the flow file says topic, the broker has fanout;"}},
	} {
		src, err := b.Source(t.Context(), test.Channel, broker.Subscription{Name: "s"})
		if err == nil {
			t.Errorf("%+v was opened: %v", test.Channel, src.Close())
			continue
		}
		if !eip.IsPermanent(err) {
			t.Errorf("%v is not permanent", err)
		}
		for _, part := range test.parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v\ndoes not say %q", err, part)
			}
		}
		if _, err := b.Sender(t.Context(), test.Channel); !eip.IsPermanent(err) {
			t.Errorf("a sender says %v", err)
		}
	}
	q.Declare = false
	s, err := b.Sender(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
