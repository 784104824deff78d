package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	_ "github.com/eipd/eipd/eip/broker/embedded"
	"github.com/eipd/eipd/eip/host"
)

// queues are ways to take messages over a queue on disk.
var queues = []contestant{
	{name: "eipd_embedded", start: startEmbedded},
	{name: "bbolt_by_hand", start: startBbolt},
}

// startEmbedded runs queue.hcl. A message is done when it has come out.
func startEmbedded(f *feed) (func() error, error) {
	dir, err := os.MkdirTemp("", "eipd-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	f.uncounted, f.atSink = true, true
	stop, err := startProcess(f, "queue.hcl", "embedded:", host.Options{DataDir: dir})
	return func() error { return errors.Join(stop(), os.RemoveAll(dir)) }, err
}

// startBbolt appends to a bucket and takes from it, 64 messages a transaction.
func startBbolt(f *feed) (func() error, error) {
	dir, err := os.MkdirTemp("", "eipd-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	f.uncounted = true
	db, err := bbolt.Open(filepath.Join(dir, "bolt.db"), 0o600, nil)
	if err != nil {
		return nil, fmt.Errorf("open bbolt: %w", err)
	}
	stop := background(func() error {
		for {
			n, err := appendBatch(db, f)
			if n == 0 || err != nil {
				return err
			}
			if err := takeBatch(db); err != nil {
				return err
			}
			f.settle(int64(n))
		}
	})
	return func() error { return errors.Join(stop(), db.Close(), os.RemoveAll(dir)) }, nil
}

var bucket = []byte("work")

func appendBatch(db *bbolt.DB, f *feed) (n int, err error) {
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		b.FillPercent = 1
		for ; n < 64; n++ {
			body := f.take()
			if body == nil {
				return nil
			}
			seq, err := b.NextSequence()
			if err != nil {
				return err
			}
			if err := b.Put(binary.BigEndian.AppendUint64(nil, seq), body); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

func takeBatch(db *bbolt.DB) error {
	return db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		var keys [][]byte
		c := b.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			_ = append([]byte(nil), v...) // what was read is used after the transaction
			keys = append(keys, append([]byte(nil), k...))
		}
		for _, k := range keys {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
		return nil
	})
}
