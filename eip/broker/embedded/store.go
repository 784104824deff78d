package embedded

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/adapter"
	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/local"
)

// fileStore is one file and the goroutine that writes it. Everything that happens to
// the file is put down here, and one transaction after the other takes what there
// is: that is the group commit.
type fileStore struct {
	path string
	log  *slog.Logger
	file *os.File
	db   *bbolt.DB
	kept []local.Kept
	// owner is what adapters know as the place of their positions.
	owner adapter.Positions

	wake chan struct{} // told when there is something to do
	stop chan struct{} // closed by Close
	done chan struct{} // closed when run has ended

	touched atomic.Int64 // bytes of mapped memory since it was given back last
	limit   int          // of appends in a transaction; only run uses it

	mu      sync.Mutex
	closing bool
	ended   bool  // the last transaction is written
	err     error // why nothing is written any more, for good
	trouble string
	changed chan struct{} // closed when trouble changes
	nextID  uint64
	logs    map[specKey]*fileLog
	state   *state

	work
}

// specKey is what makes a channel another one.
type specKey struct {
	kind                  broker.Kind
	address, subscription string
}

func keyOf(s local.Spec) specKey { return specKey{s.Kind, s.Address, s.Subscription} }

// restore enters a channel that was found in the file.
func (s *fileStore) restore(tx *bbolt.Tx, id []byte, spec local.Spec) error {
	l := newLog(s, binary.BigEndian.Uint64(id), spec)
	s.logs[keyOf(spec)] = l
	s.nextID = max(s.nextID, l.number)
	k := local.Kept{Spec: spec}
	if !l.isTopic() {
		b := tx.Bucket(l.bucket)
		if b == nil {
			return fmt.Errorf("it is damaged: the messages of %s %q are not there", spec.Kind, spec.Address)
		}
		first, _ := b.Cursor().First()
		last, _ := b.Cursor().Last()
		if len(first) != len(last) || first != nil && (len(first) != 8 || len(last) != 8) {
			return fmt.Errorf("it is damaged: a message of %s %q has no number", spec.Kind, spec.Address)
		}
		k.Mark, k.Log, k.Count = b.Sequence(), l, b.Stats().KeyN
		if last != nil {
			k.First, k.Last = binary.BigEndian.Uint64(first), binary.BigEndian.Uint64(last)
		}
		// What comes next must not look as if it had been delivered.
		l.last = max(k.Last, k.Mark)
	}
	s.kept = append(s.kept, k)
	return nil
}

// Kept returns what earlier processes left.
func (s *fileStore) Kept() []local.Kept { return s.kept }

// Declare keeps a channel.
func (s *fileStore) Declare(spec local.Spec) (local.Log, error) {
	s.mu.Lock()
	l := s.logs[keyOf(spec)]
	isNew := l == nil
	if isNew {
		s.nextID++
		l = newLog(s, s.nextID, spec)
		s.logs[keyOf(spec)] = l
	}
	l.spec = spec
	s.mu.Unlock()
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("keep %s %q: %w", spec.Kind, spec.Address, err)
	}
	err = s.do(context.Background(), func(tx *bbolt.Tx) error {
		id := number(l.number)
		record := append(make([]byte, sumSize), text...)
		seal(record, id)
		if err := tx.Bucket(channelsBucket).Put(id, record); err != nil {
			return err
		}
		if !isNew || l.isTopic() {
			return nil
		}
		_, err := tx.CreateBucket(l.bucket)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keep %s %q: %w", spec.Kind, spec.Address, err)
	}
	if l.isTopic() {
		return nil, nil
	}
	return l, nil
}

// Drop forgets a channel and what is in it.
func (s *fileStore) Drop(spec local.Spec) error {
	s.mu.Lock()
	l := s.logs[keyOf(spec)]
	delete(s.logs, keyOf(spec))
	s.mu.Unlock()
	if l == nil {
		return nil
	}
	err := s.do(context.Background(), func(tx *bbolt.Tx) error {
		if err := tx.Bucket(channelsBucket).Delete(number(l.number)); err != nil || l.isTopic() {
			return err
		}
		return errors.Join(l.dropLarge(tx), tx.DeleteBucket(l.bucket))
	})
	if err != nil {
		return fmt.Errorf("drop %s %q: %w", spec.Kind, spec.Address, err)
	}
	return nil
}

// Trouble says why nothing can be written.
func (s *fileStore) Trouble() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble, s.changed
}

func (s *fileStore) setTrouble(trouble string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if trouble != s.trouble {
		s.trouble = trouble
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// fail ends all writing, and returns the error for those who wait.
func (s *fileStore) fail(err error) error {
	err = fmt.Errorf("%s cannot be written any more: %w", s.path, err)
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	s.setTrouble(err.Error())
	s.log.Error("the store has failed; what it has not confirmed is not in it", "file", s.path, "error", err)
	return err
}

// broken is the error for those who still want something of the store.
func (s *fileStore) broken() error {
	switch {
	case s.err != nil:
		return s.err
	case s.closing:
		return eip.ErrClosed
	}
	return nil
}

// Close writes what is under way, and how far each queue was delivered.
func (s *fileStore) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		<-s.done
		return nil
	}
	s.closing = true
	logs := make([]*fileLog, 0, len(s.logs))
	for _, l := range s.logs {
		logs = append(logs, l)
	}
	s.mu.Unlock()
	close(s.stop)
	<-s.done
	failed := s.err // nobody else writes it any more
	if failed == nil {
		failed = s.finish(logs)
	}
	if failed != nil {
		// bbolt may hold its own locks; the file's lock ends with the file.
		s.file.Close()
		return failed
	}
	s.noteClosed()
	return s.db.Close()
}

// finish writes how far each queue was delivered, now that this is known exactly, and the
// list of free pages, so that the next start need not find them in all of the file.
func (s *fileStore) finish(logs []*fileLog) (err error) {
	defer contain(&err)
	s.db.NoFreelistSync = false
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, l := range logs {
			if l.isTopic() || l.queue == nil {
				continue
			}
			b := tx.Bucket(l.bucket)
			if delivered := l.queue.Delivered(); b != nil && b.Sequence() != delivered {
				if err := b.SetSequence(delivered); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
