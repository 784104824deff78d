package amqp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
)

// stepError is a step of connecting that failed.
type stepError struct {
	step string // name, TCP, TLS, AMQP, login, vhost or permission
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

func failed(step, format string, args ...any) error {
	return &stepError{step, fmt.Errorf(format, args...)}
}

// probe connects once, step by step, and says which step fails. The connection
// ends with ctx, or by the function that it returns.
func probe(ctx context.Context, c *broker.Config, raw string) (conn *amqp.Connection, end func(), err error) {
	uri, err := parse(raw)
	if err != nil {
		return nil, nil, failed("name", "%w", err)
	}
	wire, err := reach(ctx, uri)
	if err != nil {
		return nil, nil, err
	}
	tcp := wire
	stop := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	hangUp := func() { stop(); _ = tcp.Close() }
	defer func() {
		if err != nil {
			hangUp()
		}
	}()
	if uri.Scheme == "amqps" {
		if wire, err = remote.Secure(ctx, wire, uri.Host, c.TLS); err != nil {
			return nil, nil, failed("TLS", "%w%s", err, remote.Advice(err))
		}
	}
	heard := &heard{Conn: wire}
	conn, err = amqp.Open(heard, settings(uri, c.Instance))
	if err != nil {
		return nil, nil, refusal(ctx, err, uri, heard)
	}
	return conn, hangUp, nil
}

// reach finds the host, and opens the TCP connection.
func reach(ctx context.Context, uri amqp.URI) (net.Conn, error) {
	if _, err := net.DefaultResolver.LookupHost(ctx, uri.Host); err != nil {
		return nil, failed("name", "find the host %s: %w", uri.Host, err)
	}
	wire, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port)))
	if err != nil {
		return nil, failed("TCP", "%w", err)
	}
	return wire, nil
}

// refusal says which step of AMQP's handshake failed.
func refusal(ctx context.Context, err error, uri amqp.URI, wire *heard) error {
	var a *amqp.Error
	coded := errors.As(err, &a)
	ended := wire.ended.Load()
	switch {
	case ctx.Err() != nil:
		return failed("AMQP", "it takes connections and does not answer: %w", ctx.Err())
	case ended != nil && strings.Contains((*ended).Error(), "remote error: tls"):
		return failed("TLS", "%w%s", *ended, remote.Advice(*ended))
	case !wire.amqp():
		return failed("AMQP", "what listens there does not speak AMQP 0-9-1, or not without TLS: %s", explain(err))
	case errors.Is(err, amqp.ErrSASL):
		return failed("login", "the broker offers none of the ways to log in that were tried; amqps://…?auth_mechanism=external is by certificate: %w", err)
	case errors.Is(err, amqp.ErrVhost), coded && a.Code == amqp.NotAllowed:
		return failed("vhost", "%s may not use the vhost %q, or there is none of that name: %s", uri.Username, uri.Vhost, a.Reason)
	case coded && a.Code == amqp.AccessRefused:
		hint := ""
		if uri.Username == "guest" {
			hint = "; guest may log in only from the broker's own machine, unless it is configured otherwise"
		}
		return failed("login", "the broker refuses the user %s with this password (%d)%s", uri.Username, a.Code, hint)
	}
	return failed("AMQP", "%s", explain(err))
}

// heard notes whether the other side began as AMQP does, and why it was heard no more:
// the library may say only that it was.
type heard struct {
	net.Conn
	began, isAMQP atomic.Bool
	ended         atomic.Pointer[error]
}

// amqp reports whether the first that came was a frame of the kind "method".
func (h *heard) amqp() bool { return h.isAMQP.Load() }

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if n > 0 && h.began.CompareAndSwap(false, true) {
		h.isAMQP.Store(p[0] == 1)
	}
	if err != nil {
		h.ended.CompareAndSwap(nil, &err)
	}
	return n, err
}
