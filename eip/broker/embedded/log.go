package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip/broker"
	"github.com/eipd/eipd/eip/broker/internal/local"
	"github.com/eipd/eipd/eip/internal/wire"
)

// fileLog is the messages of one queue in the file: a bucket with a record for
// each message under its number. The bucket's own sequence is the mark: how far
// messages may have been delivered.
type fileLog struct {
	s      *fileStore
	number uint64
	place  []byte // number as bytes: a part of each record's checksum
	bucket []byte
	spec   local.Spec
	queue  *local.Queue

	last uint64 // the number that was given last; guarded by store.mu
}

func newLog(s *fileStore, n uint64, spec local.Spec) *fileLog {
	id := number(n)
	return &fileLog{s: s, number: n, place: id, bucket: append([]byte(logPrefix), id...), spec: spec}
}

func (l *fileLog) isTopic() bool { return l.spec.Kind == broker.Topic && l.spec.Subscription == "" }

// Attach is called before the log is used.
func (l *fileLog) Attach(q *local.Queue) { l.queue = q }

// A batch that is read is so large at most, and has at least one message.
const (
	batchLength = 512
	batchSize   = 1 << 20
	largeRecord = 64 << 10 // it is not left in the process' memory once it was read
)

// Read returns the messages from a number to another, as many as make a batch, and sets
// aside those that are damaged.
func (l *fileLog) Read(from, to uint64) (local.Batch, error) {
	batch, bad, err := l.read(from, to)
	l.s.quarantine(bad)
	return batch, err
}

// Look is Read, and changes nothing.
func (l *fileLog) Look(from, to uint64) (local.Batch, error) {
	batch, _, err := l.read(from, to)
	return batch, err
}

func (l *fileLog) read(from, to uint64) (batch local.Batch, bad []damage, err error) {
	batch.Next = to + 1
	size := int64(0)
	err = guarded(func() error {
		return l.s.db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket(l.bucket)
			if b == nil { // dropped meanwhile
				return nil
			}
			c := b.Cursor()
			for key, record := c.Seek(number(from)); key != nil; key, record = c.Next() {
				if len(key) != 8 {
					return fmt.Errorf("it is damaged: a message of %s %q has no number", l.spec.Kind, l.spec.Address)
				}
				seq := binary.BigEndian.Uint64(key)
				if seq > to {
					return nil
				}
				if len(batch.Entries) == batchLength || size > batchSize {
					batch.Next = seq
					return nil
				}
				record := l.large(tx, key, record)
				size += int64(len(record))
				e, err := l.entry(key, record)
				if err != nil {
					bad = append(bad, damage{l, seq, bytes.Clone(record), err})
					continue
				}
				if len(record) >= largeRecord {
					unmap(record)
				}
				batch.Entries = append(batch.Entries, e)
			}
			return nil
		})
	})
	if err != nil {
		return batch, nil, fmt.Errorf("read %s: %w", l.s.path, err)
	}
	l.s.touched.Add(size)
	batch.Damaged = len(bad)
	return batch, bad, nil
}

// entry makes an entry of a record.
func (l *fileLog) entry(key, record []byte) (*local.Entry, error) {
	value, ok := unseal(record, key, l.place)
	if !ok {
		return nil, fmt.Errorf("its checksum is wrong")
	}
	e := &local.Entry{Seq: binary.BigEndian.Uint64(key)}
	var err error
	e.Message, e.Deadline, err = wire.Decode(value, e)
	return e, err
}

// Delete removes an entry soon.
func (l *fileLog) Delete(e *local.Entry) { l.s.delete(deletion{l, e.Seq, isLarge(e)}) }

// Mark writes that messages up to seq may have been delivered.
func (l *fileLog) Mark(ctx context.Context, seq uint64) error {
	return l.s.do(ctx, func(tx *bbolt.Tx) error { return l.raise(tx, seq) })
}

func (l *fileLog) raise(tx *bbolt.Tx, mark uint64) error {
	if b := tx.Bucket(l.bucket); b != nil && b.Sequence() < mark {
		return b.SetSequence(mark)
	}
	return nil
}

// remove takes a message out of the log.
func (l *fileLog) remove(tx *bbolt.Tx, seq uint64, large bool) error {
	b := tx.Bucket(l.bucket)
	if b == nil { // dropped
		return nil
	}
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seq)
	if large {
		if err := l.removeLarge(tx, key[:]); err != nil {
			return err
		}
	}
	return b.Delete(key[:])
}

// damage is a record that cannot be read.
type damage struct {
	log    *fileLog
	seq    uint64
	record []byte
	why    error
}

// quarantine sets damaged records aside: they stay in the file, and nobody gets
// them.
func (s *fileStore) quarantine(bad []damage) {
	if len(bad) == 0 {
		return
	}
	for _, d := range bad {
		s.log.Error("a damaged message was set aside, and is not delivered", "file", s.path, "kind", d.log.spec.Kind.String(),
			"address", d.log.spec.Address, "subscription", d.log.spec.Subscription, "number", d.seq, "bytes", len(d.record), "error", d.why)
	}
	s.later(func(tx *bbolt.Tx) error {
		for _, d := range bad {
			aside := append(bytes.Clone(d.log.place), number(d.seq)...)
			if err := tx.Bucket(quarantineBucket).Put(aside, d.record); err != nil {
				return err
			}
			if err := d.log.remove(tx, d.seq, true); err != nil {
				return err
			}
		}
		return nil
	})
}
