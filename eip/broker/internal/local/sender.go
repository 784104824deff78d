package local

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/internal/settle"
	"github.com/eipd/eipd/eip/stats"
)

// sender is the sending side of a channel.
type sender struct {
	b       *Broker
	channel broker.Channel
	topic   *topic
	queue   atomic.Pointer[[]*Queue] // the one queue, where it is no topic
	traffic *stats.Traffic           // nil: nobody counts

	closed atomic.Bool
	under  atomic.Int64  // messages that are not settled
	done   chan struct{} // told by the last of them, once closed
}

// resolve finds the channel.
func (s *sender) resolve() error {
	if s.channel.Kind == broker.Topic {
		s.b.mu.Lock()
		defer s.b.mu.Unlock()
		var err error
		s.topic, err = s.b.topicOf(s.channel)
		return err
	}
	q, err := s.b.declare(s.channel)
	if err == nil {
		s.queue.Store(&[]*Queue{q})
	}
	return err
}

// Handle sends m. To a durable queue it holds m until that has it on disk.
func (s *sender) Handle(ctx context.Context, m *eip.Message) error {
	if !s.begin() {
		return eip.ErrClosed
	}
	defer s.finished()
	for {
		err := s.send(ctx, m)
		if err != errGone {
			return err
		}
		// Removed with its last consumer meanwhile: it is declared anew.
		if err = s.resolve(); err != nil {
			return err
		}
	}
}

func (s *sender) send(ctx context.Context, m *eip.Message) error {
	if s.topic != nil {
		return s.b.send(ctx, m, s.topic.selecting(m), s)
	}
	return s.b.send(ctx, m, *s.queue.Load(), s)
}

// ConfirmTo has t told of what is in its queues, or on disk.
func (s *sender) ConfirmTo(t *stats.Traffic) { s.traffic = t }

// Inbox is the broker's.
func (s *sender) Inbox(ctx context.Context, name string) (eip.Inbox, error) {
	return s.b.Inbox(ctx, name)
}

func (s *sender) begin() bool {
	s.under.Add(1)
	if s.closed.Load() || s.b.closing.Err() != nil {
		s.finished()
		return false
	}
	return true
}

func (s *sender) finished() {
	if s.under.Add(-1) == 0 && s.closed.Load() {
		select {
		case s.done <- struct{}{}:
		default:
		}
	}
}

// Close waits until what was sent has settled.
func (s *sender) Close() error {
	s.closed.Store(true)
	for s.under.Load() > 0 {
		trouble, changed := "", (<-chan struct{})(nil)
		if s.b.store != nil {
			trouble, changed = s.b.store.Trouble()
		}
		if trouble != "" {
			return fmt.Errorf("close sender of %s %q: %d messages are not settled: %s", s.channel.Kind, s.channel.Address, s.under.Load(), trouble)
		}
		select {
		case <-s.done:
		case <-s.b.closing.Done():
			return nil // the broker's Close settles everything
		case <-changed:
		}
	}
	return nil
}

// send puts m into all of queues or, where one has no place for it, into none.
func (b *Broker) send(ctx context.Context, m *eip.Message, queues []*Queue, s *sender) error {
	if b.closing.Err() != nil {
		return eip.ErrClosed
	}
	size := m.Size()
	durable := 0
	for i, q := range queues {
		if err := q.reserve(ctx, m, size); err != nil {
			release(queues[:i], size)
			return err
		}
		if q.log != nil {
			durable++
		}
	}
	if durable > 0 {
		if err := b.append(ctx, m, size, queues, s); err != nil {
			release(queues, size)
			return err
		}
	}
	for _, q := range queues {
		if q.log == nil {
			e := &Entry{}
			e.fill(q, m, size)
			q.arrive(e)
		}
	}
	if s != nil && durable == 0 {
		s.traffic.Settled(m.IsTest(), nil)
	}
	return nil
}

func release(queues []*Queue, size int64) {
	for _, q := range queues {
		q.unreserve(size)
	}
}

// append hands m to the store, held until it is on disk.
func (b *Broker) append(ctx context.Context, m *eip.Message, size int64, queues []*Queue, s *sender) error {
	a := &Append{Message: m, sender: s}
	a.Entries = a.array[:0]
	for _, q := range queues {
		if q.log == nil {
			continue
		}
		e := &a.first
		if len(a.Entries) > 0 {
			e = &Entry{}
		}
		e.fill(q, m, size)
		a.Entries = append(a.Entries, e)
	}
	a.release = settle.Hold(m)
	if s != nil {
		s.under.Add(1)
	}
	err := b.store.Append(ctx, a)
	if err != nil {
		a.release(nil) // the error is returned, and counts once
		if s != nil {
			s.finished()
		}
	}
	return err
}
