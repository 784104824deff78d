package stomp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// login is what a connection opens with.
type login struct {
	url      *url.URL
	clientID string
	timeout  time.Duration
}

// dial connects and logs in.
func dial(ctx context.Context, c *broker.Config, l login) (*conn, error) {
	wire, err := remote.Dial(ctx, l.url.Hostname(), port(l.url), l.timeout, l.url.Scheme == "stomps", c.TLS)
	if err != nil {
		return nil, err
	}
	interrupt := context.AfterFunc(ctx, func() { _ = wire.Close() })
	k := &conn{wire: wire, version: frame.V10, dead: make(chan struct{}), wake: make(chan struct{}, 1), receipts: map[string]func(error){}}
	k.reader = frame.NewReader(&k.beats)
	if err := k.login(l); err != nil {
		interrupt()
		_ = wire.Close()
		return nil, errors.Join(err, ctx.Err())
	}
	if !interrupt() {
		return nil, errors.Join(ctx.Err(), wire.Close())
	}
	return k, wire.SetDeadline(time.Time{})
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "stomps":
		return "61614"
	}
	return "61613"
}

// login sends CONNECT and reads what the server says to it.
func (k *conn) login(l login) error {
	beat := remote.Heartbeat(l.url.String())
	f := frame.New("CONNECT", "accept-version", "1.0,1.1,1.2", "host", vhost(l.url), "heart-beat", fmt.Sprintf("%[1]d,%[1]d", beat.Milliseconds()))
	if l.url.User != nil {
		password, _ := l.url.User.Password()
		f.Add("login", l.url.User.Username())
		f.Add("passcode", password)
	}
	if l.clientID != "" {
		f.Add("client-id", l.clientID)
	}
	b, err := f.Append(nil, frame.V10)
	if err != nil {
		return err
	}
	if _, err := k.wire.Write(b); err != nil {
		return err
	}
	k.beats.wire = k.wire
	k.reader.Limits = frame.Limits{Line: 64 << 10, Headers: 100, Bytes: 64 << 10, Body: 64 << 10}
	answer, err := k.reader.Read()
	switch {
	case err != nil:
		return fmt.Errorf("log in: %w", err)
	case answer.Command == "ERROR":
		return refusal(answer)
	case answer.Command != "CONNECTED":
		return fmt.Errorf("log in: the server answers with %s", answer.Command)
	}
	switch v := answer.Get("version"); v {
	case "": // of 1.0
	case frame.V10, frame.V11, frame.V12:
		k.version = v
	default:
		return fmt.Errorf("log in: the server speaks STOMP %.20q, which nobody asked for", v)
	}
	k.reader.Version, k.reader.Limits = k.version, frame.DefaultLimits
	k.peer = answer.Get("server")
	k.server = serverOf(l.url, k.peer)
	k.beats.agree(beat, answer.Get("heart-beat"))
	return nil
}
