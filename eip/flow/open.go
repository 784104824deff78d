package flow

import (
	"context"
	"log/slog"

	"github.com/eipd/eipd/eip/broker"
)

// open opens everything that the flows need.
func (p *Process) open(ctx context.Context) error {
	for _, open := range []func(*running, context.Context) error{(*running).openSources, (*running).openSinks, (*running).openDeadLetters} {
		if err := p.each(ctx, open); err != nil {
			return err
		}
	}
	return nil
}

// broker opens a broker once.
func (p *Process) broker(ctx context.Context, b *Broker) (broker.Broker, error) {
	if host, of := p.shared(b); host != nil {
		return host.broker(ctx, of)
	}
	p.openingOne.Lock()
	defer p.openingOne.Unlock()
	if open := p.openBroker(b); open != nil {
		return open, nil
	}
	u, transport, err := broker.Lookup(b.URL)
	if err != nil {
		return nil, err
	}
	c, err := b.config(u)
	if err != nil {
		return nil, err
	}
	c.DataDir, c.Instance = p.options.DataDir, p.options.Instance
	c.Log = p.log.With(slog.String("broker", orElse(b.Name, "default")))
	open, err := transport.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.brokers[b] = open
	return open, nil
}

// openBroker returns a broker if it is open already, else nil.
func (p *Process) openBroker(b *Broker) broker.Broker {
	if host, of := p.shared(b); host != nil {
		return host.openBroker(of)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.brokers[b]
}
