package endpoint

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
)

// asking is how a request was made.
type asking byte

const (
	byCall asking = 1 + iota
	bySend
	byCollect
)

// identifiers makes Correlation Identifiers, and knows its own again without keeping
// them: each is a number, encrypted. One service cannot tell which another is given, and
// so cannot answer in its place.
type identifiers struct {
	block cipher.Block
	last  atomic.Uint64
}

func newIdentifiers() *identifiers {
	var key [16]byte
	rand.Read(key[:])
	block, _ := aes.NewCipher(key[:]) // fails for keys of other lengths only
	return &identifiers{block: block}
}

// next returns a new number, and the identifier that says it.
func (i *identifiers) next(by asking) (n uint64, id string) {
	n = i.last.Add(1)
	var b [aes.BlockSize]byte
	binary.BigEndian.PutUint64(b[:], n)
	b[8] = byte(by)
	i.block.Encrypt(b[:], b[:])
	return n, hex.EncodeToString(b[:])
}

// read returns the number of an identifier; false where it is not one of these.
func (i *identifiers) read(id string) (n uint64, by asking, ok bool) {
	var b [aes.BlockSize]byte
	if len(id) != 2*len(b) {
		return 0, 0, false
	}
	if _, err := hex.Decode(b[:], []byte(id)); err != nil {
		return 0, 0, false
	}
	i.block.Decrypt(b[:], b[:])
	for _, zero := range b[9:] {
		if zero != 0 {
			return 0, 0, false
		}
	}
	n, by = binary.BigEndian.Uint64(b[:]), asking(b[8])
	return n, by, n <= i.last.Load() && by >= byCall && by <= byCollect
}

// mostRemembered is how many requests a recent has.
const mostRemembered = 10_000

// recent remembers the last requests of a kind by their numbers.
type recent struct {
	numbers map[uint64]bool
	ring    []uint64
	at      int
}

func (r *recent) add(n uint64) {
	if r.numbers == nil {
		r.numbers = map[uint64]bool{}
	}
	r.numbers[n] = true
	if len(r.ring) < mostRemembered {
		r.ring = append(r.ring, n)
		return
	}
	delete(r.numbers, r.ring[r.at])
	r.ring[r.at] = n
	r.at = (r.at + 1) % mostRemembered
}

func (r *recent) has(n uint64) bool { return r.numbers[n] }

// take reports whether it has n, and forgets it.
func (r *recent) take(n uint64) bool {
	was := r.numbers[n]
	delete(r.numbers, n)
	return was
}
