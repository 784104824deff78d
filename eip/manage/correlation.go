package manage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"sync"
	"time"

	"github.com/eipd/eipd/eip"
)

// A correlation is what a smart proxy says of a request in the Correlation
// Identifier that it makes. It comes back with the reply, perhaps to another
// process or after a restart, and then is all there is to go by.
type correlation struct {
	kind   correlationKind
	nonce  uint64 // of the process that forwarded the request
	number uint64 // of the request: random, so that none tells another
	sent   time.Time
	// Of the request. Empty where the process keeps the request itself.
	replyTo, id string
	// peer is an address at which that process hears that another one has
	// delivered the reply; "" where there was no room for it.
	peer string
}

type correlationKind byte

const (
	kept      correlationKind = 'k' // the process that forwarded the request keeps it
	travels   correlationKind = 't' // the reply goes to replyTo with id
	unwatched correlationKind = 'u' // nobody waits for the reply
)

const (
	correlationVersion = 2
	// Correlation Identifiers are AMQP short strings.
	correlationMax = 255
	sealSize       = 16
)

var (
	errNotCorrelation = errors.New("the correlation identifier is none that this stage made")
	correlationText   = base64.RawURLEncoding.Strict()
)

// A seal makes and checks the identifiers of a stage. Without a secret anybody can
// make them, and it only tells what was changed by accident.
type seal struct {
	// prefix has the stage's address, so that no stage takes what another made. The
	// control bus may have the same secret, and signs nothing that begins like this.
	prefix []byte
	macs   sync.Pool // of hash.Hash
}

func newSeal(stage, secret string) *seal {
	return &seal{prefix: []byte("smart_proxy\x00" + stage + "\x00"),
		macs: sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(secret)) }}}
}

func (s *seal) appendSum(to, b []byte) []byte {
	h := s.macs.Get().(hash.Hash)
	defer s.macs.Put(h)
	h.Reset()
	h.Write(s.prefix)
	h.Write(b)
	return h.Sum(to)[:len(to)+sealSize]
}

// encode makes the identifier, if it fits.
func (s *seal) encode(c *correlation) (id string, fits bool) {
	b := make([]byte, 0, correlationMax) // with room for the sum
	b = append(b, correlationVersion, byte(c.kind))
	b = binary.BigEndian.AppendUint64(b, c.nonce)
	b = binary.BigEndian.AppendUint64(b, c.number)
	b = binary.AppendUvarint(b, uint64(c.sent.UnixMilli()))
	if c.kind != kept {
		for _, s := range []string{c.replyTo, c.id, c.peer} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	b = s.appendSum(b, b)
	if correlationText.EncodedLen(len(b)) > correlationMax {
		return "", false
	}
	return correlationText.EncodeToString(b), true
}

// decode reads an identifier that the stage made, in whatever process. Nothing of it
// is looked at before its sum.
func (s *seal) decode(id string) (c correlation, err error) {
	if len(id) > correlationMax {
		return c, errNotCorrelation
	}
	b, err := correlationText.DecodeString(id)
	if err != nil || len(b) < sealSize || correlationText.EncodedLen(len(b)) != len(id) { // the decoder skips newlines
		return c, errNotCorrelation
	}
	b, sum := b[:len(b)-sealSize], b[len(b)-sealSize:]
	if !hmac.Equal(sum, s.appendSum(nil, b)) {
		return c, errNotCorrelation
	}
	r := reader{b: b}
	version := r.byte()
	c.kind = correlationKind(r.byte())
	c.nonce = r.uint64()
	c.number = r.uint64()
	c.sent = time.UnixMilli(int64(r.uvarint()))
	switch c.kind {
	case kept:
	case travels, unwatched:
		c.replyTo, c.id, c.peer = r.string(), r.string(), r.string()
	default:
		r.bad = true
	}
	if version != correlationVersion || r.bad || len(r.b) > 0 {
		return correlation{}, errNotCorrelation
	}
	return c, nil
}

// identity is what a reply to m has as its Correlation Identifier.
func identity(m *eip.Message) string {
	if m.CorrelationID != "" {
		return m.CorrelationID
	}
	return m.ID
}

// reader takes values off b; bad once there were too few bytes.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.take(uint64(n))
	return v
}

func (r *reader) string() string { return string(r.take(r.uvarint())) }
