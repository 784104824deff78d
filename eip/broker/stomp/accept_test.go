package stomp_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/stomp"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/internal/activemq"
	"github.com/eipd/eipd/internal/rabbit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	rabbit.Close()
	activemq.Close()
	os.Exit(code)
}

// config connects to a URL, and says what it does in the test's log.
func config(t testing.TB, raw string) broker.Config {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	c := broker.Config{URL: u, Instance: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	c.Reconnect.Min, c.Reconnect.Max = 20*time.Millisecond, time.Second
	return c
}

func open(t testing.TB, raw string) broker.RequestReply {
	t.Helper()
	b, err := stomp.Open(context.Background(), config(t, raw))
	if err != nil {
		t.Fatal(err)
	}
	return b.(broker.RequestReply)
}

// servers are what the broker is tried on, by the kind that the URL names.
var servers = map[string]func(testing.TB) string{
	"activemq": func(t testing.TB) string { return activemq.Shared(t).URL() },
	"rabbitmq": func(t testing.TB) string { return rabbit.Shared(t).StompURL() },
}

func TestBroker(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			raw := start(t) + "?server=" + name
			opened := func(t *testing.T) broker.Broker { return open(t, raw) }
			eiptest.Broker(t, eiptest.BrokerCase{
				Scheme: "stomp", Open: opened, Loses: []string{"UserID"},
				Restart: func(t *testing.T, b broker.Broker) broker.Broker {
					if err := b.Close(); err != nil {
						t.Error(err)
					}
					return opened(t)
				},
			})
		})
	}
}
