package host

import (
	"context"
	"fmt"
	"sync"

	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
)

// positions opens the store of adapters' positions when one is first needed. The
// default broker keeps them itself where it can: then they are written together
// with the messages that they are about. Which of both it is depends on nothing
// but the broker's kind, so that positions are found again.
type positions struct {
	host  *Host
	mu    sync.Mutex
	store adapter.Positions
	own   PositionStore
}

func (p *positions) Position(key string) ([]byte, error) {
	store, err := p.open()
	if err != nil {
		return nil, err
	}
	return store.Position(key)
}

func (p *positions) Keep(key string, value []byte) {
	if store, err := p.open(); err == nil {
		store.Keep(key, value)
	}
}

// KeptIn reports whether store is the one that is in use.
func (p *positions) KeptIn(store adapter.Positions) bool {
	used, err := p.open()
	return err == nil && used == store
}

func (p *positions) open() (adapter.Positions, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store != nil {
		return p.store, nil
	}
	o := p.host.options
	main := p.host.mainBroker()
	if _, t, err := broker.Lookup(main.URL); err == nil && t.Capabilities.Positions {
		b, err := p.host.main.Load().broker(context.Background(), p.host, main)
		if err != nil {
			return nil, err
		}
		p.store = b.(adapter.Positions)
		return p.store, nil
	}
	if o.OpenPositions == nil {
		return nil, fmt.Errorf("there is no place to keep positions in")
	}
	own, err := o.OpenPositions(o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("open the store of positions: %w", err)
	}
	p.own, p.store = own, own
	return own, nil
}

func (p *positions) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own == nil {
		return nil
	}
	err := p.own.Close()
	p.own, p.store = nil, nil
	return err
}
