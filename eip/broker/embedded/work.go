package embedded

import (
	"context"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip/broker/internal/local"
	"github.com/eipd/eipd/eip/internal/wire"
)

// work is what is to be done to the file.
type work struct {
	appends []*pending
	bytes   int // of appends
	deletes []deletion
	keeps   map[string][]byte // positions
	keeping map[string][]byte // those that a transaction writes
	tasks   []task
	commits []*commitment
	writing bool         // a transaction is under way
	settled atomic.Int64 // how many deletes there are

	parkedBytes atomic.Int64 // of appends whose calls have not returned

	caught  chan struct{} // closed when deletes were taken; nil while nobody waits
	vacated chan struct{} // closed when appends were taken; nil while nobody waits
}

// What may be under way until senders must wait.
const (
	maxPending      = 8192
	maxPendingBytes = 16 << 20
)

// pending is a message that is to be appended.
type pending struct {
	*local.Append
	store  *fileStore
	values []value
	one    [1]value
}

func (p *pending) size() (n int) {
	for _, v := range p.values {
		n += len(v.buffer.b)
	}
	return n
}

func (p *pending) free() {
	for _, v := range p.values {
		v.buffer.free()
	}
}

// value is the record of one entry.
type value struct {
	entry  *local.Entry
	log    *fileLog
	buffer *buffer
}

type deletion struct {
	log   *fileLog
	seq   uint64
	large bool
}

// task is a step of a transaction that somebody waits for.
type task struct {
	run  func(*bbolt.Tx) error
	done chan error // nil: nobody does
}

// Append puts down that a message is to be written.
func (s *fileStore) Append(ctx context.Context, a *local.Append) error {
	p := &pending{Append: a, store: s}
	p.values = p.one[:0]
	for _, e := range a.Entries {
		b := buffers.Get().(*buffer)
		record, err := wire.Encode(append(b.b[:0], 0, 0, 0, 0), a.Message, e.Deadline)
		if err != nil {
			return err
		}
		b.b = record
		p.values = append(p.values, value{e, e.Log().(*fileLog), b})
	}
	s.mu.Lock()
	err := s.waitVacated(ctx)
	s.mu.Unlock()
	if err != nil || s.park(p) {
		return err
	}
	return s.enqueue(p)
}

// enqueue has a message be written behind those that were enqueued before.
func (s *fileStore) enqueue(p *pending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken(); err != nil {
		return err
	}
	for _, v := range p.values {
		v.log.last++
		v.entry.Seq = v.log.last
	}
	s.appends = append(s.appends, p)
	s.bytes += p.size()
	s.poke()
	return nil
}

// waitVacated waits until less is under way. The lock is held before and after.
func (s *fileStore) waitVacated(ctx context.Context) error {
	for {
		if err := s.broken(); err != nil {
			return err
		}
		if len(s.appends) < maxPending && s.bytes < maxPendingBytes {
			return nil
		}
		if s.vacated == nil {
			s.vacated = make(chan struct{})
		}
		vacated := s.vacated
		s.mu.Unlock()
		var err error
		select {
		case <-vacated:
		case <-s.stop:
		case <-ctx.Done():
			err = ctx.Err()
		}
		s.mu.Lock()
		if err != nil {
			return err
		}
	}
}

func (s *fileStore) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// delete puts down that a message is to be removed. Once the last transaction is
// written, it stays, and is delivered again.
func (s *fileStore) delete(d deletion) {
	s.mu.Lock()
	if s.err == nil && !s.ended {
		s.deletes = append(s.deletes, d)
		s.settled.Store(int64(len(s.deletes)))
	}
	s.mu.Unlock()
	s.poke()
}

// do runs f in a transaction, and waits until that is on disk.
func (s *fileStore) do(ctx context.Context, f func(*bbolt.Tx) error) error {
	t := task{f, make(chan error, 1)}
	if err := s.put(t); err != nil {
		return err
	}
	select {
	case err := <-t.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// later runs f in a transaction, and does not wait.
func (s *fileStore) later(f func(*bbolt.Tx) error) {
	// Where it cannot run any more, what it would have changed is found again.
	_ = s.put(task{run: f})
}

func (s *fileStore) put(t task) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken(); err != nil {
		return err
	}
	s.tasks = append(s.tasks, t)
	s.poke()
	return nil
}

// Busy reports whether anything is not yet on disk.
func (s *fileStore) Busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy()
}

func (s *fileStore) busy() bool {
	return s.writing || len(s.appends)+len(s.deletes)+len(s.keeps)+len(s.tasks)+len(s.commits) > 0
}

// end reports whether all is written, and closes the door behind it.
func (s *fileStore) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = !s.busy()
	return s.ended
}

// maxSettled is how many messages may be settled and not yet deleted until no more are
// delivered: these come twice after a crash.
const maxSettled = 64

// Behind returns what is closed when more may be delivered; nil where it may be at
// once.
func (l *fileLog) Behind() <-chan struct{} {
	s := l.s
	if s.settled.Load() < maxSettled {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if int64(len(s.deletes)) < maxSettled || s.broken() != nil {
		return nil
	}
	if s.caught == nil {
		s.caught = make(chan struct{})
	}
	return s.caught
}
