package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/eipd/eipd/eip"
)

var errCodec = errors.New("the message is damaged")

// Decode reads what Encode wrote, and copies it. The message tells s.
func Decode(b []byte, s eip.Settler) (m *eip.Message, deadline int64, err error) {
	if len(b) < prefix {
		return nil, 0, errCodec
	}
	if b[0] != codecVersion {
		return nil, 0, fmt.Errorf("the message has the format %d; this program knows only %d", b[0], codecVersion)
	}
	fields := uint64(binary.LittleEndian.Uint32(b[1:]))
	if fields > uint64(len(b)-prefix) {
		return nil, 0, errCodec
	}
	// All strings are parts of one.
	r := reader{s: string(b[prefix : prefix+fields])}
	m = eip.NewFor(bytes.Clone(b[prefix+fields:]), s)
	fieldTexts := texts(m)
	var last *eip.Sequence // that was read
	for !r.bad && r.s != "" {
		switch t := tag(r.byte()); t {
		case tagTimestamp:
			m.Timestamp = r.time()
		case tagExpiration:
			m.Expiration = time.Duration(r.signed(64))
		case tagPriority:
			m.Priority = r.byte()
		case tagDelivery:
			if m.Delivery = eip.DeliveryMode(r.byte()); m.Delivery > eip.Persistent {
				r.bad = true
			}
		case tagSequence:
			m.Sequence = r.sequence()
			last = &m.Sequence
		case tagOuter:
			if last == nil {
				r.bad = true
				break
			}
			outer := r.sequence()
			last.Outer = &outer
			last = &outer
		case tagDeadline:
			deadline = r.signed(64)
		case tagHeaders:
			m.Headers = r.headers(0)
		default:
			if t < 1 || t > mostTexts {
				r.bad = true
				break
			}
			*fieldTexts[t-1] = r.string()
		}
	}
	if r.bad {
		return nil, 0, errCodec
	}
	return m, deadline, nil
}

const intBits = 32 << (^uint(0) >> 63)

// reader takes values off the front of s. After the first that is not there, bad
// is set and all further ones are zero.
type reader struct {
	s   string
	bad bool
}

func (r *reader) take(n uint64) string {
	if r.bad || n > uint64(len(r.s)) {
		r.bad, r.s = true, ""
		return ""
	}
	v := r.s[:n]
	r.s = r.s[n:]
	return v
}

func (r *reader) sequence() eip.Sequence {
	return eip.Sequence{ID: r.string(), Number: int(r.signed(intBits)), Size: int(r.signed(intBits))}
}

func (r *reader) byte() byte {
	if v := r.take(1); v != "" {
		return v[0]
	}
	return 0
}

func (r *reader) string() string { return r.take(r.unsigned(64)) }

// unsigned reads a varint that fits so many bits.
func (r *reader) unsigned(bits int) (n uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := r.byte()
		if shift == 63 && b > 1 {
			break
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			r.bad = r.bad || bits < 64 && n>>bits != 0
			return n
		}
	}
	r.bad = true
	return 0
}

func (r *reader) signed(bits int) int64 {
	u := r.unsigned(64)
	n := int64(u>>1) ^ -int64(u&1)
	if n<<(64-bits)>>(64-bits) != n {
		r.bad = true
	}
	return n
}

func (r *reader) time() time.Time {
	t := time.Unix(r.signed(64), int64(r.unsigned(30)))
	if r.byte() == 0 {
		return t.UTC()
	}
	return t.In(time.FixedZone("", int(r.signed(32))))
}

// count reads how many things follow, each of which takes at least so many bytes,
// so that a lie cannot reserve much memory.
func (r *reader) count(each int) int {
	n := r.unsigned(64)
	if n > uint64(len(r.s)/each) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) headers(depth int) eip.Headers {
	n := r.count(2)
	if depth > maxDepth {
		r.bad = true
	}
	h := make(eip.Headers, min(n, 64))
	for i := 0; i < n && !r.bad; i++ {
		name := r.string()
		h[name] = r.value(depth + 1)
	}
	return h
}

func (r *reader) list(depth int) []any {
	n := r.count(1)
	if depth > maxDepth {
		r.bad = true
		return nil
	}
	list := make([]any, 0, min(n, 64))
	for i := 0; i < n && !r.bad; i++ {
		list = append(list, r.value(depth+1))
	}
	return list
}

func (r *reader) value(depth int) any {
	switch kind(r.byte()) {
	case kindNil:
		return nil
	case kindFalse:
		return false
	case kindTrue:
		return true
	case kindInt:
		return int(r.signed(intBits))
	case kindInt8:
		return int8(r.signed(8))
	case kindInt16:
		return int16(r.signed(16))
	case kindInt32:
		return int32(r.signed(32))
	case kindInt64:
		return r.signed(64)
	case kindUint:
		return uint(r.unsigned(intBits))
	case kindUint8:
		return uint8(r.unsigned(8))
	case kindUint16:
		return uint16(r.unsigned(16))
	case kindUint32:
		return uint32(r.unsigned(32))
	case kindUint64:
		return r.unsigned(64)
	case kindFloat32:
		return math.Float32frombits(uint32(r.fixed(4)))
	case kindFloat64:
		return math.Float64frombits(r.fixed(8))
	case kindString:
		return r.string()
	case kindBytes:
		return []byte(r.string())
	case kindTime:
		return r.time()
	case kindDecimal:
		return eip.Decimal{Scale: r.byte(), Value: int32(r.signed(32))}
	case kindHeaders:
		return r.headers(depth)
	case kindList:
		return r.list(depth)
	}
	r.bad = true
	return nil
}

// fixed reads a little-endian number of n bytes.
func (r *reader) fixed(n int) (v uint64) {
	for i, c := range []byte(r.take(uint64(n))) {
		v |= uint64(c) << (8 * i)
	}
	return v
}
