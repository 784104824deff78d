package stomp_test

import (
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// client is a client of STOMP that does as it is told, whatever that is.
type client struct {
	t      testing.TB
	wire   net.Conn
	reader *frame.Reader
}

func dial(t testing.TB, raw string) *client {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	wire, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wire.Close() })
	_ = wire.SetDeadline(time.Now().Add(time.Minute))
	c := &client{t, wire, frame.NewReader(wire)}
	password, _ := u.User.Password()
	if answer := c.ask(frame.New("CONNECT", "accept-version", "1.2", "host", "/", "login", u.User.Username(), "passcode", password)); answer.Command != "CONNECTED" {
		t.Fatalf("log in: %+v", answer)
	}
	return c
}

// ask sends a frame and reads the next one that comes.
func (c *client) ask(f *frame.Frame) *frame.Frame {
	c.t.Helper()
	b, err := f.Append(nil, frame.V12)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.wire.Write(b); err != nil {
		c.t.Fatal(err)
	}
	return c.next()
}

func (c *client) next() *frame.Frame {
	c.t.Helper()
	f, err := c.reader.Read()
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

// send sends a message and waits until the server has it.
func (c *client) send(destination, body string, headers ...string) {
	c.t.Helper()
	f := frame.New("SEND", append([]string{"destination", destination, "receipt", "r"}, headers...)...)
	f.Body = []byte(body)
	if answer := c.ask(f); answer.Command != "RECEIPT" {
		c.t.Fatalf("send: %+v", answer)
	}
}
