package amqp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	heartbeat   = 5 * time.Second
	dialTimeout = 10 * time.Second
	hurried     = 2 * time.Second
)

// connection is one TCP connection.
type connection struct {
	*amqp.Connection
	wire *gathered
}

// dial connects to one node.
func (l *link) dial(raw string) (*connection, error) {
	uri, err := amqp.ParseURI(raw)
	if err != nil {
		return nil, err
	}
	wire, err := l.connect(uri)
	if err != nil {
		return nil, err
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(fmt.Sprintf("eipd/%s/%s", l.config.Instance, l.purpose))
	properties["product"] = "eipd"
	c := amqp.Config{SASL: []amqp.Authentication{uri.PlainAuth()}, Vhost: uri.Vhost, Heartbeat: heartbeat, Locale: "en_US", Properties: properties}
	if slices.Contains(uri.AuthMechanism, "external") { // the client's certificate says who it is
		c.SASL = []amqp.Authentication{&amqp.ExternalAuth{}}
	}
	conn, err := amqp.Open(wire, c)
	if err != nil {
		return nil, errors.Join(err, wire.Conn.Close(), wire.Close())
	}
	return &connection{conn, wire}, nil
}

// connect opens the TCP connection, with TLS where the URL says so. The library
// takes the deadline off once the handshake is over.
func (l *link) connect(uri amqp.URI) (*gathered, error) {
	ctx, cancel := context.WithTimeout(l.context, dialTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port)))
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if uri.Scheme == "amqps" {
		config := &tls.Config{}
		if l.config.TLS != nil {
			config = l.config.TLS.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = uri.Host
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("TLS: %w", err), conn.Close())
		}
		conn = secure
	}
	return gather(conn), nil
}

// hurry gives a call on conn a little time; where it takes longer, the connection
// is taken for lost.
func hurry(conn *connection, call func()) {
	t := time.AfterFunc(hurried, func() { _ = conn.wire.Conn.Close() })
	defer t.Stop()
	call()
}

// explain says in a few words what keeps a connection from being made.
func explain(err error) string {
	var a *amqp.Error
	if errors.As(err, &a) {
		switch a.Code {
		case amqp.AccessRefused:
			return "login or permission refused: " + a.Reason
		case amqp.NotAllowed:
			return "vhost refused: " + a.Reason
		}
		return fmt.Sprintf("%s (%d)", a.Reason, a.Code)
	}
	return err.Error()
}

func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(no URL)"
	}
	return u.Redacted()
}
