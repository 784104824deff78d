package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"go.etcd.io/bbolt"

	"github.com/eipd/eipd/eip"
	"github.com/eipd/eipd/eip/internal/instant"
	"github.com/eipd/eipd/eip/store"
)

// stateTx is a space within a transaction of the file. Its record of a key is a checksum,
// the time at which it is due, and the value.
type stateTx struct {
	*space
	records, due *bbolt.Bucket
	err          error    // what went wrong first
	was          []change // to be undone where a step fails
	woken        bool     // a time was set
}

// change is what there was before a record was changed; nil: nothing.
type change struct{ key, record []byte }

const dueSize = 8

func (p *space) in(tx *bbolt.Tx) *stateTx {
	t := &stateTx{space: p, records: tx.Bucket(p.records), due: tx.Bucket(p.due)}
	if t.records == nil || t.due == nil {
		t.err = fmt.Errorf("the state of %s was renamed or removed", p.name)
	}
	return t
}

func (t *stateTx) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// stateKey is a key that bbolt takes, which is not empty.
func stateKey(key string) []byte { return append([]byte{'='}, key...) }

// read returns what a record says.
func (t *stateTx) read(key, record []byte) (value []byte, due int64) {
	if record == nil {
		return nil, 0
	}
	v, ok := unseal(record, key, t.id)
	if !ok || len(v) < dueSize {
		t.fail(eip.Permanent(fmt.Errorf("what is remembered under %q is damaged", key[1:])))
		return nil, 0
	}
	return v[dueSize:], int64(binary.BigEndian.Uint64(v))
}

// Err is what has failed so far.
func (t *stateTx) Err() error { return t.err }

func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// Get returns the value of a key, and when it is due.
func (t *stateTx) Get(key string) (value []byte, due time.Time) {
	if t.err != nil {
		return nil, time.Time{}
	}
	k := stateKey(key)
	value, at := t.read(k, t.records.Get(k))
	return value, timeOf(at)
}

// Range yields the keys that begin with a prefix.
func (t *stateTx) Range(prefix, from string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if t.err != nil {
			return
		}
		begin := stateKey(prefix)
		c := t.records.Cursor()
		for key, record := c.Seek(stateKey(max(prefix, from))); bytes.HasPrefix(key, begin); key, record = c.Next() {
			value, _ := t.read(key, record)
			if t.err != nil || !yield(string(key[1:]), value) {
				return
			}
		}
	}
}

// Due yields what is due, the earliest first.
func (t *stateTx) Due() iter.Seq2[time.Time, string] {
	return func(yield func(time.Time, string) bool) {
		if t.err != nil {
			return
		}
		c := t.due.Cursor()
		for key, _ := c.First(); len(key) > dueSize; key, _ = c.Next() {
			of := key[dueSize:]
			if !bytes.Equal(dueKey(of, t.records.Get(of)), key) {
				continue // it is damaged: nobody could take it away
			}
			if !yield(timeOf(int64(binary.BigEndian.Uint64(key))), string(of[1:])) {
				return
			}
		}
	}
}

// Put gives a key a value, and a time at which it is due.
func (t *stateTx) Put(key string, value []byte, due time.Time) {
	if len(key) > store.MaxKey {
		t.fail(eip.Permanent(fmt.Errorf("the key has %d bytes, more than %d", len(key), store.MaxKey)))
		return
	}
	at := int64(0)
	if !due.IsZero() {
		at = instant.Nanoseconds(due)
		t.woken = true
	}
	k := stateKey(key)
	record := make([]byte, sumSize+dueSize, sumSize+dueSize+len(value))
	binary.BigEndian.PutUint64(record[sumSize:], uint64(at))
	record = append(record, value...)
	seal(record, k, t.id)
	t.change(k, record)
}

// Delete removes a key.
func (t *stateTx) Delete(key string) { t.change(stateKey(key), nil) }

// Next returns a number that was not given before.
func (t *stateTx) Next() uint64 {
	if t.err != nil {
		return 0
	}
	n, err := t.records.NextSequence()
	if err != nil {
		t.fail(err)
	}
	return n
}

// Last returns the number that Next has returned last.
func (t *stateTx) Last() uint64 {
	if t.err != nil {
		return 0
	}
	return t.records.Sequence()
}

// Skip has Next return numbers after n only.
func (t *stateTx) Skip(n uint64) {
	if t.err == nil && n > t.records.Sequence() {
		if err := t.records.SetSequence(n); err != nil {
			t.fail(err)
		}
	}
}

// change puts a record in the place of another one, and remembers that.
func (t *stateTx) change(key, record []byte) {
	if t.err != nil {
		return
	}
	was := t.records.Get(key)
	if was == nil && record == nil {
		return
	}
	t.was = append(t.was, change{key, was})
	if err := t.set(key, was, record); err != nil {
		t.fail(err)
	}
}

func (t *stateTx) set(key, was, record []byte) error {
	if before, after := dueKey(key, was), dueKey(key, record); !bytes.Equal(before, after) {
		if before != nil {
			if err := t.due.Delete(before); err != nil {
				return err
			}
		}
		if after != nil {
			if err := t.due.Put(after, nil); err != nil {
				return err
			}
		}
	}
	if record == nil {
		return t.records.Delete(key)
	}
	return t.records.Put(key, record)
}

// dueKey is where a record stands among those that are due; nil: nowhere.
func dueKey(key, record []byte) []byte {
	if len(record) < sumSize+dueSize || binary.BigEndian.Uint64(record[sumSize:]) == 0 {
		return nil
	}
	return append(bytes.Clone(record[sumSize:sumSize+dueSize]), key...)
}

// undo puts back what there was. A number that was given is not given again.
func (t *stateTx) undo() {
	var failed error
	for i := len(t.was) - 1; i >= 0; i-- {
		failed = errors.Join(failed, t.set(t.was[i].key, t.records.Get(t.was[i].key), t.was[i].record))
	}
	if failed != nil {
		panic(failed) // a transaction whose steps cannot be undone must not be committed
	}
}
