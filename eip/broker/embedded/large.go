package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/eipd/eipd/eip/broker/internal/local"
)

// A leaf of bbolt has up to four keys before it is split, however large their values
// are, and is written anew with each of them. So a large message is alone in a bucket
// of its own, and its log has a record of another version that says so.
const (
	largeMessage = 512 << 10
	largeVersion = 2
	largePrefix  = "m" // and the log's number, and the message's
)

// isLarge must say of a message that is read what it said when that was written.
func isLarge(e *local.Entry) bool { return e.Size() >= largeMessage }

func (l *fileLog) largeBucket(key []byte) []byte {
	return append(append([]byte(largePrefix), l.place...), key...)
}

// putLarge keeps the sealed record of a large message, and returns the one that stands
// for it.
func (l *fileLog) putLarge(tx *bbolt.Tx, key, record []byte) ([]byte, error) {
	own, err := tx.CreateBucket(l.largeBucket(key))
	if err != nil {
		return nil, err
	}
	reference := append(make([]byte, sumSize), largeVersion)
	seal(reference, key, l.place)
	return reference, own.Put(key, record)
}

// large returns the record that another one stands for.
func (l *fileLog) large(tx *bbolt.Tx, key, record []byte) []byte {
	if len(record) != sumSize+1 {
		return record
	}
	if value, ok := unseal(record, key, l.place); ok && value[0] == largeVersion {
		if own := tx.Bucket(l.largeBucket(key)); own != nil {
			return own.Get(key)
		}
	}
	return record
}

func (l *fileLog) removeLarge(tx *bbolt.Tx, key []byte) error {
	err := tx.DeleteBucket(l.largeBucket(key))
	if errors.Is(err, bbolterrors.ErrBucketNotFound) {
		return nil
	}
	return err
}

// dropLarge removes all large messages of a log that goes.
func (l *fileLog) dropLarge(tx *bbolt.Tx) error {
	prefix := l.largeBucket(nil)
	var keys [][]byte
	c := tx.Cursor()
	for name, _ := c.Seek(prefix); bytes.HasPrefix(name, prefix); name, _ = c.Next() {
		keys = append(keys, bytes.Clone(name[len(prefix):]))
	}
	for _, key := range keys {
		if err := l.removeLarge(tx, key); err != nil {
			return err
		}
	}
	return nil
}

// ownsLarge reports whether a bucket is of a large message of a log that there is.
func (s *fileStore) ownsLarge(name []byte) bool {
	number, found := bytes.CutPrefix(name, []byte(largePrefix))
	if !found || len(number) != 16 {
		return false
	}
	for _, l := range s.logs {
		if l.number == binary.BigEndian.Uint64(number) && !l.isTopic() {
			return true
		}
	}
	return false
}
