package amqp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/internal/rabbit"
)

func ping(t *testing.T, c broker.Config) (string, error) {
	t.Helper()
	_, transport, err := broker.Lookup(c.URL.String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return transport.Ping(ctx, c)
}

// user adds a user with permissions to configure, write and read.
func user(t *testing.T, n *rabbit.Node, name string, permissions ...string) string {
	t.Helper()
	n.Ctl(t, "add_user", name, "secret")
	t.Cleanup(func() { n.Ctl(t, "delete_user", name) })
	if permissions != nil {
		n.Ctl(t, append([]string{"set_permissions", "-p", "/", name}, permissions...)...)
	}
	return fmt.Sprintf("amqp://%s:secret@%s/", name, n.Address())
}

func TestPing(t *testing.T) {
	n := rabbit.Shared(t)
	leaks := goleak.IgnoreCurrent()
	const nobody = "127.0.0.1:1"
	plain := fmt.Sprintf("127.0.0.1:%d", n.Port)
	tests := map[string]struct{ url, says string }{
		"good":              {n.URL(), ""},
		"wrong password":    {"amqp://guest:wrong@" + plain + "/", "login: the broker refuses the user guest"},
		"wrong vhost":       {n.URL() + "none", `vhost: guest may not use the vhost "none"`},
		"not of this vhost": {user(t, n, "stranger"), `vhost: stranger may not use the vhost "/"`},
		"may not configure": {user(t, n, "mute", "^$", ".*", ".*"), `permission: the user mute lacks in the vhost "/": configure (for eip.inbox.`},
		"may configure":     {user(t, n, "idle", ".*", "^$", "^$"), `permission: the user idle lacks in the vhost "/": write (for amq.default), read (for eip.inbox.`},
		"may not read":      {user(t, n, "deaf", ".*", ".*", "^$"), `lacks in the vhost "/": read (for eip.inbox.`},
		"nothing listens":   {"amqp://" + nobody + "/", "TCP: dial tcp " + nobody},
		"no such host":      {"amqp://nowhere.invalid/", "name: find the host nowhere.invalid"},
		"unknown authority": {n.TLSURL(), "name the one that signed it as ca"},
		"TLS to a plain port": {"amqps://" + plain + "/",
			"TLS: tls: first record does not look like a TLS handshake; this port does not speak TLS"},
		"plain to a TLS port": {fmt.Sprintf("amqp://127.0.0.1:%d/", n.TLSPort), "AMQP: what listens there does not speak AMQP 0-9-1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			about, err := ping(t, config(t, tt.url))
			switch {
			case tt.says == "" && (err != nil || !strings.HasPrefix(about, "RabbitMQ ")):
				t.Errorf("it says %q, %v", about, err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("it says %q, %v; want %s", about, err, tt.says)
			}
		})
	}
	goleak.VerifyNone(t, leaks)
}

func TestPing_TLS(t *testing.T) {
	n := rabbit.Shared(t)
	pem, err := os.ReadFile(n.File("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := config(t, n.TLSURL())
	c.TLS = &tls.Config{RootCAs: roots}
	if about, err := ping(t, c); err != nil {
		t.Errorf("%s, %v", about, err)
	}
	c.TLS.ServerName = "elsewhere"
	if _, err := ping(t, c); err == nil || !strings.Contains(err.Error(), "say it as server_name") {
		t.Errorf("another name: %v", err)
	}
}

// A peer that takes the connection and says nothing more costs the time-out.
func TestPing_Silence(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	leaks := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, err = io.ReadFull(conn, make([]byte, 8)) // the client's greeting
			defer conn.Close()
		}
		begun <- err
		cancel()
		<-ctx.Done()
	}()
	_, transport, err := broker.Lookup("amqp:")
	if err != nil {
		t.Fatal(err)
	}
	_, err = transport.Ping(ctx, config(t, "amqp://"+l.Addr().String()+"/"))
	if e := <-begun; e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "AMQP: it takes connections and does not answer") {
		t.Errorf("it says %v", err)
	}
	goleak.VerifyNone(t, leaks)
}
