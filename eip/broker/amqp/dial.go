package amqp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker/internal/remote"
)

const hurried = 2 * time.Second

// connection is one TCP connection.
type connection struct {
	*amqp.Connection
	link    *link
	wire    *gathered
	gone    chan struct{} // closed when it is lost
	givenUp atomic.Bool   // by hurry
	calls   chan struct{} // has an entry for each that is under way
	idle    chan *amqp.Channel

	mu         sync.Mutex
	spare      int             // AMQP channels that may be opened to stay
	unanswered map[string]bool // calls
}

// dial connects to one node.
func (l *link) dial(raw string) (*connection, error) {
	uri, err := parse(raw)
	if err != nil {
		return nil, err
	}
	wire, err := l.connect(uri)
	if err != nil {
		return nil, err
	}
	settings := settings(uri, l.config.Instance+"/"+l.purpose)
	settings.Heartbeat = remote.Heartbeat(raw) // three of them without a word, and the connection is lost
	interrupt := context.AfterFunc(l.context, func() { _ = wire.Conn.Close() })
	conn, err := amqp.Open(wire, settings)
	if err != nil || !interrupt() {
		_ = wire.Conn.Close() // the library may have closed it
		_ = wire.Close()
		return nil, errors.Join(err, l.context.Err())
	}
	c := &connection{Connection: conn, link: l, wire: wire, gone: make(chan struct{})}
	c.divide()
	return c, nil
}

// parse reads a URL. Errors of the library repeat it, or parts of it, and may so say
// the password.
func parse(raw string) (amqp.URI, error) {
	uri, err := amqp.ParseURI(raw)
	if err == nil {
		return uri, nil
	}
	if _, wrong := url.Parse(raw); wrong != nil {
		return uri, errors.New("this is no URL like amqp://user:password@host:5672/vhost; what is special in a password is written like %40")
	}
	what, _, _ := strings.Cut(err.Error(), ":") // what follows is the value
	return uri, fmt.Errorf("the URL cannot be used: %s", what)
}

// connect opens the TCP connection, with TLS where the URL says so. Its deadline
// is that of the whole handshake (connection_timeout in the URL, in milliseconds);
// the library takes it off afterwards.
func (l *link) connect(uri amqp.URI) (*gathered, error) {
	timeout := remote.DialTimeout
	if uri.ConnectionTimeout > 0 {
		timeout = time.Duration(uri.ConnectionTimeout) * time.Millisecond
	}
	conn, err := remote.Dial(l.context, uri.Host, strconv.Itoa(uri.Port), timeout, uri.Scheme == "amqps", l.config.TLS)
	if err != nil {
		return nil, err
	}
	return gather(conn), nil
}

// settings are what a connection opens with.
func settings(uri amqp.URI, name string) amqp.Config {
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName("eipd/" + name)
	properties["product"] = "eipd"
	c := amqp.Config{SASL: []amqp.Authentication{uri.PlainAuth()}, Vhost: uri.Vhost, Locale: "en_US", Properties: properties}
	if slices.Contains(uri.AuthMechanism, "external") { // the client's certificate says who it is
		c.SASL = []amqp.Authentication{&amqp.ExternalAuth{}}
	}
	return c
}

// hurry gives a call on conn that closes something a little time; where it takes longer,
// the connection is given up.
func hurry(conn *connection, call func()) {
	t := time.AfterFunc(hurried, func() {
		conn.givenUp.Store(true)
		_ = conn.wire.Conn.Close()
	})
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
		if a.Server {
			return fmt.Sprintf("%s (%d)", a.Reason, a.Code)
		}
		// The network's own word, with a port of ours that means nothing to anybody.
		if at := strings.LastIndex(a.Reason, ": "); at >= 0 && strings.Contains(a.Reason, "->") {
			return a.Reason[at+2:]
		}
		return a.Reason
	}
	return err.Error()
}
