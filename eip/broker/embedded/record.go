package embedded

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
)

// A record is a value with a checksum before it, over the value and over where it
// belongs: so a record under a wrong key is found too.

const sumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal fills in the checksum of a record whose first bytes are free for it.
func seal(record []byte, place ...[]byte) {
	binary.LittleEndian.PutUint32(record, checksum(record[sumSize:], place))
}

// unseal returns the value of a record; false where it is damaged.
func unseal(record []byte, place ...[]byte) ([]byte, bool) {
	if len(record) < sumSize || binary.LittleEndian.Uint32(record) != checksum(record[sumSize:], place) {
		return nil, false
	}
	return record[sumSize:], true
}

func checksum(value []byte, place [][]byte) uint32 {
	sum := crc32.Checksum(value, castagnoli)
	for _, p := range place {
		sum = crc32.Update(sum, castagnoli, p)
	}
	return sum
}

// number is a key that sorts like n.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// buffer is a record's memory. Those of an ordinary size are used again.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func (b *buffer) free() {
	if cap(b.b) <= 64<<10 {
		buffers.Put(b)
	}
}
