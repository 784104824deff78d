package memory_test

import (
	"testing"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/memory"
	"github.com/eipd/eipd/eip/eiptest"
)

func open(t *testing.T) broker.Broker {
	t.Helper()
	b, err := memory.Open(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBroker(t *testing.T) {
	eiptest.Broker(t, eiptest.BrokerCase{
		Scheme: "memory",
		Open:   open,
		Restart: func(t *testing.T, b broker.Broker) broker.Broker {
			t.Helper()
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t)
		},
	})
}
