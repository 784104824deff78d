package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tidwall/gjson"
	"go.etcd.io/bbolt"
)

// By hand there is a file of bbolt with buckets for queues and for what is remembered. In
// one transaction messages are taken, remembered, sent and removed.
var handBuckets = []string{"in", "out", "groups", "due", "parts", "closed", "keys"}

// handTx is one transaction.
type handTx struct {
	in, out, groups, due, parts, closed, keys *bbolt.Bucket
	now                                       time.Time
}

func openHand(dir string) (*bbolt.DB, error) {
	db, err := bbolt.Open(filepath.Join(dir, "bolt.db"), 0o600, nil)
	if err != nil {
		return nil, fmt.Errorf("open bbolt: %w", err)
	}
	return db, nil
}

func handUpdate(db *bbolt.DB, f func(*handTx) error) error {
	return db.Update(func(tx *bbolt.Tx) error {
		b := map[string]*bbolt.Bucket{}
		for _, name := range handBuckets {
			var err error
			if b[name], err = tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		b["in"].FillPercent, b["out"].FillPercent = 1, 1
		return f(&handTx{b["in"], b["out"], b["groups"], b["due"], b["parts"], b["closed"], b["keys"], time.Now()})
	})
}

func fillHand(j stateJob, dir string, n int) (err error) {
	db, err := openHand(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for from := 0; from < n && err == nil; from += 1000 {
		err = handUpdate(db, func(t *handTx) error {
			for i := from; i < min(n, from+1000); i++ {
				if err := send(t.in, append(fmt.Appendf(nil, "%032d", i), j.message(i)...)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}

// send puts a message at the end of a queue.
func send(queue *bbolt.Bucket, message []byte) error {
	seq, err := queue.NextSequence()
	if err != nil {
		return err
	}
	return queue.Put(binary.BigEndian.AppendUint64(nil, seq), message)
}

// moveHand does a job, with at most so many messages in a transaction.
func moveHand(most int) func(j stateJob, dir string, n int) error {
	return func(j stateJob, dir string, n int) (err error) {
		db, err := openHand(dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		for done := 0; done < n && err == nil; {
			err = handUpdate(db, func(t *handTx) error {
				var keys [][]byte
				c := t.in.Cursor()
				for k, v := c.First(); k != nil && len(keys) < most; k, v = c.Next() {
					key := gjson.GetBytes(v[idSize:], "id").String()
					if err := j.hand(t, []byte(key), v[:idSize], v[idSize:]); err != nil {
						return err
					}
					keys = append(keys, k)
				}
				for _, k := range keys {
					if err := t.in.Delete(k); err != nil {
						return err
					}
				}
				done += len(keys)
				return nil
			})
		}
		return err
	}
}

// idSize is how long Message IDs are.
const idSize = 32

// gather puts a part into its group, and sends the group when it has ten. Parts that were
// there before are known by their Message IDs, also when their group was closed; groups
// are found by the time at which they are to be closed.
func (t *handTx) gather(key, id, body []byte) error {
	part := append(bytes.Clone(key), id...)
	if t.parts.Get(part) != nil || hasID(t.closed.Get(key), id) {
		return nil
	}
	if err := t.parts.Put(part, bytes.Clone(body)); err != nil {
		return err
	}
	group := bytes.Clone(t.groups.Get(key)) // its due time, and how many parts
	if group == nil {
		group = append(binary.BigEndian.AppendUint64(nil, uint64(t.now.Add(time.Hour).UnixNano())), 0)
		if err := t.due.Put(append(group[:8:8], key...), nil); err != nil {
			return err
		}
	}
	if group[8]++; group[8] < 10 {
		return t.groups.Put(key, group)
	}
	var ids, out []byte
	var parts [][]byte
	c := t.parts.Cursor()
	for k, v := c.Seek(key); bytes.HasPrefix(k, key); k, v = c.Next() {
		out = append(append(out, ','), v...)
		ids = append(ids, k[len(key):]...)
		parts = append(parts, k)
	}
	out[0] = '['
	err := send(t.out, append(append(bytes.Clone(id), out...), ']'))
	for _, k := range parts {
		err = errors.Join(err, t.parts.Delete(k))
	}
	return errors.Join(err, t.closed.Put(key, ids), t.groups.Delete(key), t.due.Delete(append(group[:8:8], key...)))
}

func hasID(ids, id []byte) bool {
	for ; len(ids) >= idSize; ids = ids[idSize:] {
		if bytes.Equal(ids[:idSize], id) {
			return true
		}
	}
	return false
}

// once sends a message whose key is new. Keys are found by the time at which they are
// forgotten.
func (t *handTx) once(key, id, body []byte) error {
	if t.keys.Get(key) != nil {
		return nil
	}
	until := binary.BigEndian.AppendUint64(nil, uint64(t.now.Add(24*time.Hour).UnixNano()))
	return errors.Join(t.keys.Put(key, until), t.due.Put(append(until[:8:8], key...), nil), send(t.out, append(bytes.Clone(id), body...)))
}

func emptyHand(_ stateJob, dir string, _ int, result func([]byte)) (err error) {
	db, err := openHand(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("out")).ForEach(func(_, v []byte) error {
			result(v[idSize:])
			return nil
		})
	})
}
