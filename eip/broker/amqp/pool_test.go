package amqp

import (
	"context"
	"errors"
	"net/url"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// A pool that closes begins no further connection, which nobody would end.
func TestPool_ClosesForGood(t *testing.T) {
	p := newPool(&broker.Config{URL: &url.URL{Scheme: "amqp", Host: "127.0.0.1:1"}}, "publish", func() {})
	p.links[0].conn = &connection{Connection: &amqp.Connection{}} // one that allows no more AMQP channels
	p.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if conn, err := p.hold(ctx, nil); !errors.Is(err, eip.ErrClosed) || len(p.links) != 1 {
		t.Errorf("it holds %v, %v; there are %d links", conn, err, len(p.links))
	}
}
