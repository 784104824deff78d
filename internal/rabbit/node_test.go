package rabbit_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/eipd/eipd/internal/rabbit"
)

// A node keeps what it must over a crash, and is gone when it is closed.
func TestNode(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	n := rabbit.Shared(t)
	ch := n.Channel(t)
	if _, err := ch.QueueDeclare("q", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	n.Sync(t)
	n.Kill()
	if conn, err := amqp.Dial(n.URL()); err == nil {
		conn.Close()
		t.Error("a killed node takes connections")
	}
	n.Restart(t)
	if out := n.Ctl(t, "list_queues", "name"); !strings.Contains(out, "\nq\n") {
		t.Errorf("the queues are:\n%s", out)
	}

	ca, err := os.ReadFile(n.File("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := tls.LoadX509KeyPair(n.File("client.pem"), n.File("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	conn, err := amqp.DialTLS(n.TLSURL(), &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{client}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}

	rabbit.Close()
	if _, err := os.Stat(n.Dir()); !os.IsNotExist(err) {
		t.Errorf("the folder of a closed node: %v", err)
	}
	goleak.VerifyNone(t, leaks)
}
