package flow

import (
	"fmt"
	"sync"

	"github.com/eipd/eipd/eip"
)

// positions opens the store of adapters' positions when one is first needed. The
// default broker keeps them itself where it can: then they are written together
// with the messages that they are about.
type positions struct {
	process *Process
	mu      sync.Mutex
	store   eip.Positions
	own     PositionStore
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

func (p *positions) open() (eip.Positions, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.store != nil {
		return p.store, nil
	}
	o := p.process.options
	if b, ok := p.process.brokers[p.process.config.Brokers[""]].(eip.Positions); ok {
		p.store = b
		return b, nil
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
