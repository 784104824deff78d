package stomp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/remote"
	"github.com/eipd/eipd/eip/broker/stomp/internal/frame"
)

// ping connects and logs in. It returns what the server calls itself.
func ping(ctx context.Context, c broker.Config) (string, error) {
	b, err := Open(ctx, c)
	if err != nil {
		return "", err
	}
	k, err := b.(*Broker).reach(ctx, c.URL.String(), "")
	if err != nil {
		return "", step(err)
	}
	defer k.close()
	k.start(func(*frame.Frame) error { return nil })
	about := k.peer
	if about == "" {
		about = "a STOMP server"
	}
	return fmt.Sprintf("%s, STOMP %s", about, k.version), nil
}

// step says which step of connecting failed.
func step(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	var e *serverError
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("name: %w", err)
	case errors.As(err, &e):
		return fmt.Errorf("login: %w", err)
	case strings.Contains(err.Error(), "tls: ") || strings.HasPrefix(err.Error(), "TLS: "):
		return fmt.Errorf("TLS: %s%s", strings.TrimPrefix(err.Error(), "TLS: "), remote.Advice(err))
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("TCP: %w", err)
	}
	return fmt.Errorf("STOMP: %w", err)
}

// plan says what can be known without changing anything: that the server is there.
func plan(ctx context.Context, c broker.Config, items []broker.Item) ([]broker.Finding, error) {
	if _, err := ping(ctx, c); err != nil {
		return nil, err
	}
	findings := make([]broker.Finding, len(items))
	for i := range findings {
		findings[i].State = broker.Unknown
	}
	if len(findings) > 0 {
		findings[0].Note = "STOMP cannot tell what exists; what does not is created when it is used"
	}
	return findings, nil
}
