package amqp_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/amqp"
	"github.com/eipd/eipd/eip/eiptest"
	"github.com/eipd/eipd/internal/rabbit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	rabbit.Close()
	os.Exit(code)
}

// config connects to a URL, and says what it does in the test's log.
func config(t *testing.T, raw string) broker.Config {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	c := broker.Config{URL: u, Instance: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	c.Reconnect.Min, c.Reconnect.Max = 20*time.Millisecond, time.Second
	return c
}

func open(t *testing.T, c broker.Config) broker.RequestReply {
	t.Helper()
	b, err := amqp.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return b.(broker.RequestReply)
}

func TestBroker(t *testing.T) {
	n := rabbit.Shared(t)
	opened := func(t *testing.T) broker.Broker { return open(t, config(t, n.URL())) }
	eiptest.Broker(t, eiptest.BrokerCase{
		Scheme: "amqp", Open: opened, Loses: []string{"Key", "UserID", "headers.infinite"},
		Restart: func(t *testing.T, b broker.Broker) broker.Broker {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			return opened(t)
		},
	})
}
