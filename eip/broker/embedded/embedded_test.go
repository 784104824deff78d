package embedded_test

import (
	"testing"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/eiptest"
)

func openIn(t *testing.T, dir string) *embedded.Broker {
	t.Helper()
	b, err := embedded.Open(broker.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBroker(t *testing.T) {
	dirs := map[string]string{} // by test: the suite runs them one after the other
	eiptest.Broker(t, eiptest.BrokerCase{
		Scheme: "embedded",
		Open: func(t *testing.T) broker.Broker {
			if dirs[t.Name()] == "" {
				dirs[t.Name()] = t.TempDir()
			}
			return openIn(t, dirs[t.Name()])
		},
		Restart: func(t *testing.T, b broker.Broker) broker.Broker {
			t.Helper()
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			return openIn(t, dirs[t.Name()])
		},
	})
}
