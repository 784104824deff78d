package host

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/header"
	"github.com/eipd/eipd/eip/stats"
)

// source is an open source of a flow.
type source struct {
	eip.Source
	close   func() error  // once
	stays   bool          // open while the flow is stopped
	idler   broker.Broker // of a channel; nil of an adapter, which may end
	ended   atomic.Bool   // no more will come
	failed  atomic.Bool   // it must be opened anew
	unread  atomic.Pointer[eip.Message]
	traffic *stats.Traffic
}

// isTest reports whether m, which no flow has taken yet, is a Test Message.
func isTest(m *eip.Message) bool {
	_, test := m.Headers[header.Test]
	return test
}

// Unread takes back a message that no flow has begun. An adapter gives it once.
func (s *source) Unread(m *eip.Message) {
	s.traffic.Unread(isTest(m))
	s.unread.Store(m)
}

func newSource(open interface {
	eip.Source
	io.Closer
}, idler broker.Broker, t *stats.Traffic) *source {
	return &source{Source: open, close: sync.OnceValue(open.Close), idler: idler, traffic: t}
}

// closedSource is one that is not open yet.
func closedSource() *source {
	s := &source{close: func() error { return nil }}
	s.failed.Store(true)
	return s
}

// end closes the source, and gives back what was not begun.
func (s *source) end() error {
	if m := s.unread.Swap(nil); m != nil {
		m.Settle(eip.ErrClosed)
	}
	return s.close()
}

// Receive notes how the source ended.
func (s *source) Receive(ctx context.Context) (*eip.Message, error) {
	switch {
	case s.failed.Load():
		return nil, eip.ErrClosed
	case !s.ended.Load():
		if m := s.unread.Swap(nil); m != nil {
			s.traffic.Received(isTest(m))
			return m, nil
		}
		m, err := s.Source.Receive(ctx)
		if m != nil {
			s.traffic.Received(isTest(m))
		}
		switch {
		case m != nil || ctx.Err() != nil:
			return m, err
		case s.idler != nil || !errors.Is(err, io.EOF):
			s.failed.Store(true)
			return m, err
		}
		s.ended.Store(true)
	}
	return nil, io.EOF
}
