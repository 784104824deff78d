package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip/store"
)

// run writes one transaction after the other, as long as there is anything to do.
func (s *fileStore) run() {
	defer close(s.done)
	debug.SetPanicOnFault(true)
	b := &batch{holds: map[any]int{}, woken: map[*space]bool{}}
	for {
		if s.next(b, true) {
			s.commit(b)
			if s.touched.Load() > maxMapped {
				s.touched.Store(0)
				unmapCache(s.db) // only a transaction maps the file elsewhere
			}
			continue
		}
		select {
		case <-s.wake:
		case <-s.stop:
			if s.end() {
				return
			}
		}
	}
}

// maxMapped is about how much of what was read or written stays in the process' memory.
const maxMapped = 16 << 20

// commit writes b. While the disk is full, it writes as much of b as has room, and
// tries the rest again. It gives that up only when the store is closed.
func (s *fileStore) commit(b *batch) {
	rest := b.appends
	n := len(rest)
	for wait := leastWait; ; {
		b.appends = rest[:n]
		begin := time.Now()
		err := s.transact(b)
		switch {
		case err == nil:
			b.finish(s, nil)
			b.reset()
			if rest = rest[n:]; len(rest) == 0 {
				s.adapt(time.Since(begin))
				s.setTrouble("")
				return
			}
			if n > 0 {
				n, wait = min(2*n, len(rest)), leastWait
				continue
			}
		case !noSpace(err):
			b.appends = rest
			s.giveUp(b, s.fail(err))
			return
		case n > 0:
			n /= 2
			continue
		}
		n = min(1, len(rest))
		s.setTrouble("the disk is full")
		s.log.Error("cannot write messages, will try again: the disk is full", "file", s.path, "messages", len(rest))
		if !s.waitSpace(wait) {
			b.appends = rest
			s.giveUp(b, fmt.Errorf("write %s: %w", s.path, syscall.ENOSPC))
			return
		}
		wait = min(2*wait, mostWait)
		s.next(b, false) // what was settled meanwhile makes room
	}
}

// How long a full disk is left alone.
const leastWait, mostWait = 100 * time.Millisecond, 5 * time.Second

// waitSpace waits until there may be room; false when the store is closed first.
func (s *fileStore) waitSpace(most time.Duration) bool {
	t := time.NewTimer(most)
	defer t.Stop()
	for s.settled.Load() == 0 {
		select {
		case <-t.C:
			return true
		case <-s.wake:
		case <-s.stop:
			return false
		}
	}
	return true
}

// giveUp fails b and all that is still to come.
func (s *fileStore) giveUp(b *batch, err error) {
	for {
		b.finish(s, err)
		b.reset()
		if !s.next(b, true) {
			return
		}
	}
}

// noSpace reports whether a later try may succeed: then nothing of the failed
// transaction has been taken for written. After any other error nobody knows what
// is on disk.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		strings.Contains(err.Error(), syscall.ENOSPC.Error()) // bbolt does not wrap it everywhere
}

// transact writes b in one transaction.
func (s *fileStore) transact(b *batch) (err error) {
	defer contain(&err)
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	defer tx.Rollback() // has nothing to do after Commit
	b.failed, b.joined, b.kept = b.failed[:0], b.joined[:0], b.kept[:0]
	clear(b.woken)
	for _, t := range b.tasks {
		b.failed = append(b.failed, t.run(tx))
	}
	for _, d := range b.deletes {
		if err := d.log.remove(tx, d.seq, d.large); err != nil {
			return err
		}
	}
	b.makeSteps(s, tx)
	if err := b.append(tx); err != nil {
		return err
	}
	// As late as can be: who else held the messages may have let go by now.
	s.join(b, tx)
	for _, e := range b.joined {
		if err := e.Log().(*fileLog).remove(tx, e.Seq, isLarge(e)); err != nil {
			return err
		}
	}
	if err := b.keep(tx); err != nil {
		return err
	}
	err = tx.Commit()
	stats := tx.Stats()
	s.touched.Add(stats.GetPageAlloc()) // a page that is written anew was read
	return err
}

func (b *batch) append(tx *bbolt.Tx) error {
	b.marks = b.marks[:0]
	var key [8]byte
	for _, p := range b.appends {
		for _, v := range p.values {
			bucket := tx.Bucket(v.log.bucket)
			if bucket == nil { // dropped
				continue
			}
			bucket.FillPercent = 1 // nothing is ever put between two messages
			binary.BigEndian.PutUint64(key[:], v.entry.Seq)
			seal(v.buffer.b, key[:], v.log.place)
			record := v.buffer.b
			if isLarge(v.entry) {
				var err error
				if record, err = v.log.putLarge(tx, key[:], record); err != nil {
					return err
				}
			}
			if err := bucket.Put(key[:], record); err != nil {
				return err
			}
			b.mark(v.log, v.entry.Seq)
		}
	}
	for i := range b.marks {
		m := &b.marks[i]
		next, raise := m.log.queue.NextMark(m.seq)
		if !raise {
			continue
		}
		if err := m.log.raise(tx, next); err != nil {
			return err
		}
		m.raised = next
	}
	return nil
}

// mark notes how far a log is appended to.
func (b *batch) mark(l *fileLog, seq uint64) {
	for i := range b.marks {
		if b.marks[i].log == l {
			b.marks[i].seq = seq
			return
		}
	}
	b.marks = append(b.marks, mark{log: l, seq: seq})
}

// finish tells all who wait that b is on disk, or is not.
func (b *batch) finish(s *fileStore, err error) {
	for i, t := range b.tasks {
		if t.done == nil {
			continue
		}
		if err == nil {
			t.done <- b.failed[i]
		} else {
			t.done <- err
		}
	}
	if err == nil {
		for _, e := range b.joined {
			e.Deleted()
		}
		for _, m := range b.kept {
			store.Made(m, s.state)
		}
		for _, m := range b.marks {
			m.log.queue.Marked(m.raised)
		}
	}
	b.told(err)
	for _, p := range b.appends {
		p.free()
		p.Finish(err)
	}
}
