package flowtest

import (
	"context"
	"sync"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
)

// standInSource is the receiving side of one. It outlasts cuts of the connection.
type standInSource struct {
	broker       *standInBroker
	name         string
	channel      broker.Channel
	subscription broker.Subscription
	unruly       unruly

	mu     sync.Mutex
	open   broker.Source
	lost   bool
	closed bool
}

func (s *standInSource) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && !s.lost {
		s.lost = true
		_ = s.open.Close() // gives back what is not settled
	}
}

func (s *standInSource) Close() error {
	s.broker.mu.Lock()
	delete(s.broker.sources, s)
	s.broker.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.unruly.close()
	return s.open.Close()
}

func (s *standInSource) Receive(ctx context.Context) (*eip.Message, error) {
	m, err := s.unruly.receive(ctx, s.receive)
	return s.broker.rig.took(ctx, s.name, m, err)
}

func (s *standInSource) receive(ctx context.Context) (*eip.Message, error) {
	for {
		s.mu.Lock()
		open := s.open
		s.mu.Unlock()
		m, err := open.Receive(ctx)
		if m != nil || err == nil || ctx.Err() != nil {
			return s.broker.received(m), err
		}
		if again, failed := s.reopen(ctx, err); !again {
			return nil, failed
		}
	}
}

// reopen waits for a connection that was cut, and opens the source anew.
func (s *standInSource) reopen(ctx context.Context, err error) (again bool, failed error) {
	if back := s.broker.mended(); back != nil {
		select {
		case <-back:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lost || s.closed {
		return false, err
	}
	open, err := s.broker.inside.Source(ctx, s.channel, s.subscription)
	if err != nil {
		return false, err
	}
	s.open, s.lost = open, false
	return true, nil
}
