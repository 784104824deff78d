// Package memory is the broker in memory: queues and topics of this process, and
// nothing kept.
package memory

import (
	"context"
	"fmt"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/local"
)

// Capabilities are what the broker can do.
var Capabilities = local.Capabilities()

func init() {
	broker.Registry.Add("memory", func() broker.Transport {
		return broker.Transport{Open: open, Capabilities: Capabilities, Check: local.Check}
	})
}

func open(_ context.Context, c broker.Config) (broker.Broker, error) {
	if c.URL != nil && (c.URL.Host != "" || c.URL.Path != "" || c.URL.Opaque != "" || c.URL.RawQuery != "") {
		return nil, fmt.Errorf("open broker %s: nothing may follow the colon", c.URL.Redacted())
	}
	return Open(c)
}

// Open opens a broker of its own: two brokers have no channels in common.
func Open(c broker.Config) (broker.Broker, error) { return local.New(c, "memory:", Capabilities, nil) }
